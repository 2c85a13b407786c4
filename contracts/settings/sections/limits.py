"""Rate limit and quotas of one user."""

from dataclasses import dataclass
from typing import Annotated

from contracts.settings.fields import meta


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    rate_requests_per_minute: Annotated[
        int, meta("Maximum requests per user and minute; 0 means unlimited.", ("api",), ge=0)
    ] = 6000
    quota_stored_bytes: Annotated[
        int,
        meta(
            "Maximum bytes of videos, recordings, clips, reels and unfinished uploads per user; 0 means unlimited.",
            ("api", "processor"),
            ge=0,
        ),
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
    quota_streams: Annotated[int, meta("Maximum streams of one user; 0 means unlimited.", ("api",), ge=0)] = 16
