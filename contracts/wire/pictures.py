"""A picture of a single frame of a video, as a client asks for it."""

import hashlib

import msgspec

from contracts.wire.messages import encode

# Changes with what pictures of the same frame look like, so that clients do not keep older ones.
_LOOK = 1
DEFAULT_WIDTH = 1280
FRAME_SECONDS = 15  # that a request waits for its picture


class Sheet(msgspec.Struct, frozen=True, omit_defaults=True):
    """A contact sheet: frames of equal parts of a video, or of its part from from_ms to to_ms, in columns and rows."""

    columns: int
    rows: int
    from_ms: float | None = None
    to_ms: float | None = None


class FramePicture(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which frame, and what of it; or a contact sheet in place of a frame. frame: its number, or at_ms: the one that a
    player shows then. width: of the picture, in pixels, at most; it is never enlarged. box: x1, y1, x2, y2 in pixels of
    the displayed frame, None for all of it."""

    frame: int | None = None
    at_ms: float | None = None
    width: int = DEFAULT_WIDTH
    box: tuple[float, float, float, float] | None = None
    sheet: Sheet | None = None

    def name(self) -> str:
        """The same for the same picture of a video."""
        return hashlib.sha256(encode(self) + bytes([_LOOK])).hexdigest()[:32]


class FrameRequest(msgspec.Struct, frozen=True):
    """A client waits for a picture. reply: id of the reply."""

    picture: FramePicture
    reply: str


class FrameReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The picture is stored, or why it cannot be made. deleted: there is no such video any more."""

    failed: str | None = None
    deleted: bool = False
