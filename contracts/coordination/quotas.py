"""Quotas of a user: those of the settings, or of the operator for this user."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from contracts.settings.table import Settings


class Quotas(msgspec.Struct, frozen=True):
    """0 means no limit. stored_bytes: see contracts.database.stored_bytes. active_jobs: queued and running.
    frames_per_day: frames of jobs planned on one day (UTC). streams: live streams, stopped ones too."""

    stored_bytes: int = 0
    active_jobs: int = 0
    frames_per_day: int = 0
    streams: int = 0


def quotas_of(settings: Settings, own: Mapping[str, Any] | None) -> Quotas:
    """The quotas of a user; own: User.quotas, which may override some of them."""
    general = {name: getattr(settings, f"quota_{name}") for name in Quotas.__struct_fields__}
    return msgspec.convert({**general, **(own or {})}, Quotas)


def frames_key(user_id: str, now: datetime) -> str:
    """Key of the Redis hash with the frames of each job planned on a day; deleted jobs still count."""
    return f"wd:frames:{user_id}:{now:%Y-%m-%d}"


def next_day(now: datetime) -> datetime:
    """When the quota of a day is reset."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
