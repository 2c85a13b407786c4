"""Messages between the renderer and its child process."""

import msgspec

from contracts.wire.messages import Media
from contracts.wire.renditions import Kind, RenditionOptions


class Request(msgspec.Struct, frozen=True):
    """A rendition to make. video, index, results and target: file descriptors; target is an empty output file, results
    is for an annotated copy only. cpu_seconds, file_bytes: limits. parent: process id of the parent."""

    kind: Kind
    media: Media
    video: int
    index: int
    results: int | None
    target: int
    options: RenditionOptions
    cpu_seconds: int
    file_bytes: int
    parent: int


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """Progress. content_type: of the rendition, once it is finished. failed: the reason of a failure."""

    frames_done: int
    frames_total: int
    content_type: str | None = None
    failed: str | None = None
