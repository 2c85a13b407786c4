"""How jobs are cut into chunks, limited, and checked for lost work."""

from dataclasses import dataclass
from typing import Annotated, Literal

from contracts.settings.fields import meta


@dataclass(frozen=True, kw_only=True)
class JobSettings:
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
    tracks: Annotated[
        Literal["on", "off"],
        meta(
            "Whether recorded jobs and live streams are tracked while they run; off: jobs on request only.",
            ("processor", "detector"),
        ),
    ] = "on"
    track_pictures: Annotated[
        Literal["on", "off"],
        meta("Whether pictures of a job's tracks are made after them; off: when one is asked for.", ("processor",)),
    ] = "on"
    reaper_seconds: Annotated[int, meta("Interval between checks for lost work.", ("processor",), ge=1, le=3600)] = 5
    lease_seconds: Annotated[
        int,
        meta(
            "Time to live of a chunk's lease: a chunk whose detector sends no heartbeat for this long is sent again.",
            ("detector",),
            ge=2,
        ),
    ] = 15
