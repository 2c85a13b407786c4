"""Messages between the processor and the process that makes a video of a recording."""

import msgspec


class Request(msgspec.Struct, frozen=True):
    """source, target: file descriptors of the recording and of an empty file for the video. cpu_seconds, file_bytes:
    limits. parent: process id of the parent."""

    source: int
    target: int
    cpu_seconds: int
    file_bytes: int
    parent: int


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the video has. start: pts of its first frame on the stream clock, which is time 0 of the video. end: pts of
    the last frame shown plus its duration. failed: why there is no video. full: whether that is for want of room."""

    start: int = 0
    end: int = 0
    frames: int = 0
    failed: str | None = None
    full: bool = False
