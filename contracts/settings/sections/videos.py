"""Limits of a video."""

from dataclasses import dataclass
from typing import Annotated

from contracts.settings.fields import WORKERS, meta

# A probe ends before its task does, which the broker would send again for ever.
PROBE_MAX_SECONDS = 540


@dataclass(frozen=True, kw_only=True)
class VideoSettings:
    probe_timeout_seconds: Annotated[
        int,
        meta("Timeout for reading a video's packet index, at most 540 s.", ("processor",), ge=1, le=PROBE_MAX_SECONDS),
    ] = 300
    max_frame_pixels: Annotated[int, meta("Maximum pixels of a frame, width times height.", WORKERS, ge=1)] = (
        8192 * 4352
    )
    max_pixels: Annotated[int, meta("Maximum pixels of a video, width times height times frames.", WORKERS, ge=1)] = (
        10_000_000_000_000
    )
    max_frames: Annotated[int, meta("Maximum frames of a video.", ("processor",), ge=1)] = 20_000_000
