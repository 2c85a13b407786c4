"""What is said between the processor and the process that makes a rendition."""

import msgspec

from contracts.wire.messages import Media
from contracts.wire.renditions import Kind, RenditionOptions


class Request(msgspec.Struct, frozen=True):
    """What to make. video, index, results and target are descriptors; target is a file, empty, that the rendition is
    written to. results: of an annotated copy alone. cpu_seconds and file_bytes: what it may take. parent: whose
    child this is."""

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
    """How far it is. content_type: of what was made, once it is. failed: why there is none."""

    frames_done: int
    frames_total: int
    content_type: str | None = None
    failed: str | None = None
