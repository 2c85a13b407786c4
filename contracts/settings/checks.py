"""Checks across settings, and of secrets."""

import re
from collections.abc import Mapping

from contracts.results.urls import is_redis
from contracts.settings.table import Settings

_PLACEHOLDERS = frozenset(
    {"changeme", "change-me", "change_me", "secret", "password", "placeholder", "todo", "example"}
)


def misfits(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Contradictions between settings, as texts. environ: the environment that they were read from."""
    problems = []
    if settings.result_store_url and not is_redis(settings.result_store_url) and not environ.get("REDIS_URL"):
        problems.append("REDIS_URL is not set: it is needed beside a RESULT_STORE_URL that is not Redis")
    return problems + _storage_misfits(settings)


def risks(settings: Settings) -> list[str]:
    """What an operator may not have meant, as texts: the service starts all the same."""
    quotas = (settings.quota_stored_bytes, settings.quota_active_jobs, settings.quota_frames_per_day)
    if settings.is_loopback or settings.registration == "closed" or any(quotas):
        return []
    return [
        f"HOST={settings.host} lets others reach the service, REGISTRATION=open lets them become users, and no quota "
        "limits what they store and compute: set REGISTRATION=closed, or QUOTA_STORED_BYTES, QUOTA_ACTIVE_JOBS and "
        "QUOTA_FRAMES_PER_DAY"
    ]


def weaknesses(variable: str, value: str, least_length: int) -> list[str]:
    """Problems of a secret, as texts that do not contain it."""
    if value.lower() in _PLACEHOLDERS or value.lower().startswith(("change", "<")):
        return [f"{variable} is a placeholder: set a random one, for example from `openssl rand -hex 32`"]
    if len(value) < least_length:
        return [f"{variable} is shorter than {least_length} characters"]
    return []


def _storage_misfits(settings: Settings) -> list[str]:
    """Contradictions between the settings of the storage."""
    endpoint, key, secret = settings.s3_endpoint_url, settings.s3_access_key_id, settings.s3_secret_access_key
    if not settings.storage_url:
        idle = {"S3_ENDPOINT_URL": endpoint, "S3_ACCESS_KEY_ID": key, "S3_SECRET_ACCESS_KEY": secret}
        return [
            f"{name} is set, but STORAGE_URL is not: nothing is kept there" for name, value in idle.items() if value
        ]
    problems = []
    if settings.storage_bucket is None:
        problems.append(f"STORAGE_URL={settings.storage_url!r}: write it as s3://bucket or s3://bucket/prefix")
    if settings.storage_dir:
        problems.append("STORAGE_URL and STORAGE_DIR are both set: leave one of them empty")
    if endpoint and not re.match(r"https?://[^/]", endpoint):
        problems.append(f"S3_ENDPOINT_URL={endpoint!r}: begin it with https:// (or http://, in a network of your own)")
    if bool(key) != bool(secret) or (endpoint and not key):
        missing = {"S3_ACCESS_KEY_ID": key, "S3_SECRET_ACCESS_KEY": secret}
        problems += [f"{name} is not set: STORAGE_URL needs it" for name, value in missing.items() if not value]
    return problems
