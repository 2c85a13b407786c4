"""Messages between the renderer and its child process."""

from typing import Literal

import msgspec

from contracts.wire.messages import Media
from contracts.wire.pictures import FramePicture
from contracts.wire.renditions import Kind, RenditionOptions

# What a child makes: a rendition, or pictures of single frames.
Work = Kind | Literal["frames"]


class ReelVideo(msgspec.Struct, frozen=True):
    """A video of a reel. video, index: file descriptors."""

    id: str
    media: Media
    video: int
    index: int


class Request(msgspec.Struct, frozen=True):
    """What to make. video, index, results, tracks and target: file descriptors; target is an empty output file, results
    and tracks are there where the work needs them. cpu_seconds, file_bytes: limits. parent: process id of the parent.
    frames: wanted. videos: of a reel; then video and index are of the first one."""

    kind: Work
    media: Media
    video: int
    index: int
    results: int | None
    target: int
    options: RenditionOptions
    cpu_seconds: int
    file_bytes: int
    parent: int
    tracks: int | None = None
    frames: tuple[FramePicture, ...] = ()
    videos: tuple[ReelVideo, ...] = ()


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """Progress. content_type: of the rendition, once it is finished. failed: the reason of a failure."""

    frames_done: int
    frames_total: int
    content_type: str | None = None
    failed: str | None = None
