"""Limits of a video."""

from dataclasses import dataclass
from typing import Annotated

from contracts.settings.fields import WORKERS, meta


@dataclass(frozen=True, kw_only=True)
class VideoSettings:
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
