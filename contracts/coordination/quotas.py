"""What one user may take of the service: the settings' word, or the operator's for that user."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from contracts.settings.table import Settings


class Quotas(msgspec.Struct, frozen=True):
    """0 means no limit. stored_bytes: of videos and of what unfinished uploads are to become. active_jobs: that have
    not ended. frames_per_day: looked at in jobs that were planned on one day (UTC)."""

    stored_bytes: int = 0
    active_jobs: int = 0
    frames_per_day: int = 0


def quotas_of(settings: Settings, own: Mapping[str, Any] | None) -> Quotas:
    """The quotas of a user; own: User.quotas, which may name some of them."""
    general = {name: getattr(settings, f"quota_{name}") for name in Quotas.__struct_fields__}
    return msgspec.convert({**general, **(own or {})}, Quotas)


def frames_key(user_id: str, now: datetime) -> str:
    """The hash in Redis that holds the frames of each job that was planned on the day: they count when
    the job is deleted, too."""
    return f"wd:frames:{user_id}:{now:%Y-%m-%d}"


def next_day(now: datetime) -> datetime:
    """When the frames of a day are forgotten."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
