"""Every setting of every role, in one typed table. contracts/settings/load.py reads it.

The table is the class below: a field is a setting, its name in upper case is the variable, its
`Meta` holds the help text and which roles need it. tests/unit/contracts/test_settings.py compares `.env.example`,
`docs/settings.md` and the compose file with it.
"""

import os
import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from contracts.results.open import check_redis, check_result_store
from contracts.settings.fields import (
    EVERY,
    SIGNING_KEY_LENGTH,
    WORKERS,
    extra,
    meta,
    networks,
    noted,
    origins,
    program,
)

_ROOT = Path(__file__).parents[2]
_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)/?")


# First setting of each section of .env.example and docs/settings.md.
SECTIONS = {
    "data_dir": "Storage",
    "database_url": "Servers",
    "host": "HTTP",
    "jwt_secret_key": "Accounts",
    "upload_max_bytes": "Uploads and imports",
    "rate_requests_per_minute": "Limits per user",
    "webhook_concurrency": "Webhooks",
    "probe_timeout_seconds": "Videos",
    "default_model": "Jobs",
    "result_ttl_seconds": "Retention",
    "processor_concurrency": "Workers",
    "detector_workers": "Detector",
}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one process. Empty text means "not set"; roles that need it refuse to start."""

    # Storage
    data_dir: Annotated[str, meta("Folder of all data that the service keeps.", EVERY)] = "data"
    storage_dir: Annotated[
        str, meta("Folder of the videos and result files; empty means storage/ in DATA_DIR.", EVERY)
    ] = ""
    storage_url: Annotated[
        str,
        meta(
            "Bucket of the videos and result files, as s3://bucket/prefix; empty means the folder STORAGE_DIR.", EVERY
        ),
    ] = ""
    s3_endpoint_url: Annotated[
        str, meta("URL of the S3 object store, https:// or http://; empty means Amazon S3.", EVERY)
    ] = ""
    s3_region: Annotated[str, meta("Region of the bucket.", EVERY)] = "us-east-1"
    s3_access_key_id: Annotated[
        str, meta("Access key of the object store; empty on AWS means the machine's IAM role.", EVERY)
    ] = ""
    s3_secret_access_key: Annotated[str, meta("Secret key that belongs to S3_ACCESS_KEY_ID.", EVERY, secret=True)] = ""
    models_dir: Annotated[str, meta("Folder of added models; empty means models/ in DATA_DIR.", EVERY)] = ""

    # Servers
    database_url: Annotated[
        str,
        meta("SQLAlchemy URL of the database. Embedded mode: SQLite in DATA_DIR.", ("api", "processor"), required=True),
    ] = ""
    broker_url: Annotated[
        str, meta("Celery URL of the message broker. Embedded mode: a bundled Valkey.", EVERY, required=True)
    ] = ""
    result_store_url: Annotated[
        str,
        meta(
            "URL of the store for results of running jobs: Redis (redis://, rediss:// or unix://) or PostgreSQL "
            "(postgresql://). Embedded mode: a bundled Valkey.",
            EVERY,
            required=True,
            check=check_result_store,
        ),
    ] = ""
    redis_url: Annotated[
        str,
        meta(
            "Redis URL for locks, events and worker registration; empty means RESULT_STORE_URL if that is Redis. "
            "Embedded mode: the same, or a bundled Valkey.",
            EVERY,
            check=check_redis,
        ),
    ] = ""
    visibility_timeout_seconds: Annotated[
        int,
        meta(
            "Redis broker only: time after which an unacknowledged message is delivered again.", EVERY, ge=30, le=1800
        ),
    ] = 600

    # HTTP
    host: Annotated[str, meta("Address that the API listens on.", ("api",))] = "127.0.0.1"
    port: Annotated[int, meta("Port that the API listens on.", ("api",), ge=1, le=65535)] = 8080
    api_workers: Annotated[int, meta("Number of API processes; each uses one core.", ("api",), ge=1, le=256)] = 2
    page_dir: Annotated[str, meta("Folder of the built web UI; empty means web/dist beside the code.", ("api",))] = ""
    cors_origins: Annotated[
        str,
        meta(
            "Origins that may call the API from a browser (CORS), comma separated, as in https://example.org; "
            "empty means the same origin only.",
            ("api",),
            check=origins,
        ),
    ] = ""
    trusted_proxies: Annotated[
        str,
        meta(
            "Networks of the reverse proxies whose X-Forwarded-For header is trusted, comma separated.",
            ("api",),
            check=networks,
        ),
    ] = ""

    # Accounts
    jwt_secret_key: Annotated[
        str,
        meta(
            "Key that signs the tokens, at least 32 characters. Embedded mode: generated once and kept in DATA_DIR.",
            ("api",),
            required=True,
            secret=True,
            least_length=SIGNING_KEY_LENGTH,
        ),
    ] = ""
    access_token_minutes: Annotated[int, meta("Lifetime of an access token, in minutes.", ("api",), ge=1)] = 60
    refresh_token_days: Annotated[int, meta("Lifetime of a refresh token, in days.", ("api",), ge=1)] = 30
    registration: Annotated[
        Literal["open", "closed"],
        meta(
            "Whether users may register themselves; closed: the operator adds them with `web-detector users`.", ("api",)
        ),
    ] = "open"
    password_min_length: Annotated[int, meta("Minimum length of new passwords.", ("api",), ge=8, le=64)] = 12
    login_failures_per_name: Annotated[
        int,
        meta("Maximum failed logins per user name and minute; 0 means unlimited.", ("api",), ge=0, le=1_000_000),
    ] = 10
    login_failures_per_address: Annotated[
        int,
        meta(
            "Maximum failed logins per client address (IPv6: per /64 network) and minute; 0 means unlimited.",
            ("api",),
            ge=0,
            le=1_000_000,
        ),
    ] = 30
    registrations_per_address: Annotated[
        int,
        meta(
            "Maximum registrations per client address (IPv6: per /64 network) and minute; 0 means unlimited.",
            ("api",),
            ge=0,
            le=1_000_000,
        ),
    ] = 30
    audit_days: Annotated[
        int, meta("Days to keep the audit log; 0 means forever.", ("processor",), ge=0, le=36_500)
    ] = 365

    # Uploads and imports
    upload_max_bytes: Annotated[int, meta("Maximum size of an upload, in bytes.", ("api",), ge=1)] = 20 * 1024**3
    upload_expire_hours: Annotated[
        int,
        meta(
            "Hours without progress after which an unfinished resumable upload is removed.",
            ("api",),
            ge=1,
            le=8760,
        ),
    ] = 24
    upload_unfinished_max: Annotated[
        int, meta("Maximum unfinished resumable uploads per user.", ("api",), ge=1, le=100_000)
    ] = 100
    probe_wait_seconds: Annotated[
        int,
        meta(
            "How long an upload request waits for the probe before it answers without metadata.", ("api",), ge=0, le=60
        ),
    ] = 10
    import_concurrency: Annotated[
        int,
        meta("Maximum concurrent imports by URL per API process; 0 disables imports.", ("api",), ge=0, le=100),
    ] = 4
    import_timeout_seconds: Annotated[int, meta("Timeout of one import by URL.", ("api",), ge=1, le=86_400)] = 3600
    import_allow_networks: Annotated[
        str,
        meta(
            "Private networks that imports by URL may reach, comma separated, as in 10.1.0.0/16.",
            ("api",),
            check=networks,
        ),
    ] = ""

    # Limits per user
    rate_requests_per_minute: Annotated[
        int, meta("Maximum requests per user and minute; 0 means unlimited.", ("api",), ge=0)
    ] = 6000
    quota_stored_bytes: Annotated[
        int, meta("Maximum bytes of videos and unfinished uploads per user; 0 means unlimited.", ("api",), ge=0)
    ] = 0
    quota_active_jobs: Annotated[
        int, meta("Maximum queued and running jobs per user; 0 means unlimited.", ("api",), ge=0)
    ] = 0
    quota_frames_per_day: Annotated[
        int,
        meta(
            "Maximum frames that the jobs of one user may process per day (UTC); 0 means unlimited.",
            ("api", "processor"),
            ge=0,
        ),
    ] = 0
    jobs_per_user: Annotated[
        int,
        meta("Maximum jobs of one user that run at once; the others stay queued.", ("processor",), ge=1, le=10_000),
    ] = 4

    # Webhooks
    webhook_concurrency: Annotated[
        int,
        meta(
            "Maximum concurrent webhook calls per API process; 0 disables webhooks.",
            ("api",),
            ge=0,
            le=100,
        ),
    ] = 8
    webhook_timeout_seconds: Annotated[
        int, meta("Timeout of one webhook call, including its answer.", ("api",), ge=1, le=60)
    ] = 10
    webhook_tries: Annotated[int, meta("Attempts before a webhook delivery has failed.", ("api",), ge=1, le=20)] = 8
    webhook_allow_networks: Annotated[
        str,
        meta(
            "Private networks that webhooks may reach, comma separated, as in 10.1.0.0/16.",
            ("api",),
            check=networks,
        ),
    ] = ""

    # Videos
    probe_timeout_seconds: Annotated[
        int, meta("Timeout for reading a video's packet index.", ("processor",), ge=1, le=3600)
    ] = 300
    max_frame_pixels: Annotated[int, meta("Maximum pixels of a frame, width times height.", WORKERS, ge=1)] = (
        8192 * 4352
    )
    max_pixels: Annotated[int, meta("Maximum pixels of a video, width times height times frames.", WORKERS, ge=1)] = (
        10_000_000_000_000
    )
    max_frames: Annotated[int, meta("Maximum frames of a video.", ("processor",), ge=1)] = 20_000_000

    # Jobs
    default_model: Annotated[
        str, meta("Model of jobs that name none; detectors load it at start.", ("api", "detector"))
    ] = "nanodet-g"
    chunk_size: Annotated[
        int, meta("Target number of frames per chunk; chunks are cut at keyframes.", ("processor",), ge=1, le=100_000)
    ] = 240
    chunk_window: Annotated[
        int,
        meta(
            "Maximum unfinished chunks per user and detector. Larger values keep detectors busier and delay other "
            "users longer.",
            ("processor",),
            ge=2,
            le=1000,
        ),
    ] = 6
    job_deadline_hours: Annotated[
        int,
        meta(
            "Hours after which an unfinished job is ended with the results so far; 0 means never.",
            ("processor",),
            ge=0,
            le=87_600,
        ),
    ] = 0
    reaper_seconds: Annotated[int, meta("Interval between checks for lost work.", ("processor",), ge=1, le=3600)] = 5
    lease_seconds: Annotated[
        int,
        meta(
            "Time to live of a chunk's lease: a chunk whose detector sends no heartbeat for this long is sent again.",
            ("detector",),
            ge=2,
        ),
    ] = 15

    # Retention
    result_ttl_seconds: Annotated[
        int,
        meta(
            "How long results stay in the result store after a job has ended; the result file is kept.",
            ("processor", "detector"),
            ge=1,
        ),
    ] = 86_400
    retention_video_days: Annotated[
        int,
        meta(
            "Days to keep a video and everything made from it, counted from its upload or the end of its last "
            "job; 0 means forever.",
            ("processor",),
            ge=0,
            le=36_500,
        ),
    ] = 0
    retention_result_days: Annotated[
        int,
        meta(
            "Days to keep a job and its results after its end, unless its video is removed earlier; 0 means forever.",
            ("processor",),
            ge=0,
            le=36_500,
        ),
    ] = 0
    orphan_hours: Annotated[
        int,
        meta(
            "Minimum age of objects without an owner before they are removed from storage and result store.",
            ("processor",),
            ge=1,
            le=8760,
        ),
    ] = 24

    # Workers
    processor_concurrency: Annotated[int, meta("Concurrent tasks per processor.", ("processor",), ge=1)] = 2
    processor_autoscale: Annotated[
        int,
        meta(
            "Maximum concurrent tasks per processor when many wait; 0 means always PROCESSOR_CONCURRENCY.",
            ("processor",),
            ge=0,
        ),
    ] = 0
    heartbeat_file: Annotated[
        str,
        meta("File that a worker touches while it consumes, for health checks; empty means none.", WORKERS),
    ] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], meta("Minimum level of logged messages.", EVERY)
    ] = "info"

    # Detector
    detector_workers: Annotated[
        int,
        meta("Embedded mode: number of detector workers; 0 means one for every four cores.", ("detector",), ge=0),
    ] = 0
    detector_python: Annotated[
        str,
        meta(
            "Embedded mode: Python interpreter of the detectors, for engines in a separate environment; empty "
            "means the service's own.",
            ("detector",),
            check=program,
        ),
    ] = ""
    detector_threads: Annotated[
        int, meta("Inference threads per detector; 0 means all available cores.", ("detector",), ge=0)
    ] = 0
    detector_device: Annotated[
        str,
        meta(
            "Device of the engine, by the engine's own name (openvino: CPU, GPU, NPU; onnxruntime: cpu, cuda, "
            "tensorrt; detectron2 and torchvision: cpu, cuda); empty means the engine's choice.",
            ("detector",),
        ),
    ] = ""
    detector_models: Annotated[
        str,
        meta(
            "Models that a detector loads at start, comma separated; empty means DEFAULT_MODEL, if its pool "
            "serves it. Others are loaded at their first job.",
            ("detector",),
        ),
    ] = ""
    detector_batch: Annotated[
        int, meta("Batch size on a GPU; 0 means the engine's choice.", ("detector",), ge=0, le=1024)
    ] = 0
    detector_pools: Annotated[
        str,
        meta("Pools that a detector serves, comma separated; empty means the default queue.", ("detector",)),
    ] = ""
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "f16", "int8"],
        meta("Inference precision; auto means bf16 where the hardware supports it, and never int8.", WORKERS),
    ] = "auto"

    @property
    def storage_path(self) -> str:
        """The folder of the videos and result files."""
        return self.storage_dir or os.path.join(self.data_dir, "storage")

    @property
    def models_path(self) -> Path:
        """The folder of the models that were added."""
        return Path(self.models_dir or os.path.join(self.data_dir, "models"))

    @property
    def page_path(self) -> Path:
        """The folder of the built page."""
        return Path(self.page_dir) if self.page_dir else _ROOT / "web" / "dist"

    @property
    def import_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """What IMPORT_ALLOW_NETWORKS names."""
        return networks(self.import_allow_networks)

    @property
    def cors(self) -> tuple[str, ...]:
        """What CORS_ORIGINS names."""
        return origins(self.cors_origins)

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """What TRUSTED_PROXIES names."""
        return networks(self.trusted_proxies)

    @property
    def webhook_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """What WEBHOOK_ALLOW_NETWORKS names."""
        return networks(self.webhook_allow_networks)

    @property
    def coordination_url(self) -> str:
        """The Redis URL of what workers tell each other."""
        return self.redis_url or self.result_store_url

    @property
    def storage_bucket(self) -> tuple[str, str] | None:
        """The bucket of the videos and result files and the prefix in it, None when they lie in a folder."""
        found = _BUCKET.fullmatch(self.storage_url)
        return (found[1], found[2].strip("/")) if found else None


class Row(msgspec.Struct, frozen=True):
    """One setting as the documentation shows it."""

    section: str
    variable: str
    default: str
    help: str
    roles: tuple[str, ...]
    required: bool
    secret: bool


def table() -> tuple[Row, ...]:
    """All settings in the order of the class."""
    fields = msgspec.structs.fields(Settings)
    sections: Iterator[str] = accumulate(
        (SECTIONS.get(field.name, "") for field in fields), lambda last, new: new or last
    )
    return tuple(
        Row(
            section=section,
            variable=field.encode_name.upper(),
            default=str(field.default),
            help=noted(field).description or "",
            roles=tuple(extra(field)["roles"]),
            required=bool(extra(field)["required"]),
            secret=bool(extra(field)["secret"]),
        )
        for field, section in zip(fields, sections, strict=True)
    )
