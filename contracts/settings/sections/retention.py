"""How long videos and results are kept."""

from dataclasses import dataclass
from typing import Annotated

from contracts.settings.fields import meta


@dataclass(frozen=True, kw_only=True)
class RetentionSettings:
    result_ttl_seconds: Annotated[
        int,
        meta(
            "How long the result store keeps a job that nothing happens to. Redis frees its chunks 15 minutes after "
            "its end; the result file is kept.",
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
    alert_days: Annotated[
        int,
        meta(
            "Days to keep an alert, counted from what it is about; 0 means forever. At most the newest 10,000 of a "
            "user stay.",
            ("processor",),
            ge=0,
            le=36_500,
        ),
    ] = 90
    orphan_hours: Annotated[
        int,
        meta(
            "Minimum age of objects without an owner before they are removed from storage and result store.",
            ("processor",),
            ge=1,
            le=8760,
        ),
    ] = 24
