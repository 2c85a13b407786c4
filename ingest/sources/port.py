"""Port of the sources: what ingest reads packets from. One file per kind, all pass one suite
(tests/adapters/sources/test_sources.py).
"""

from typing import Protocol

import msgspec

from contracts.errors import WebDetectorError
from contracts.live.streams import Reason

SOURCE_TICKS = 90_000  # per second: the unit of all times of a source


class SourceConfig(msgspec.Struct, frozen=True):
    """The codec of the packets that follow; comes first, and again where it changes.

    codec: FFmpeg's name. extradata: as the source has it (Annex B or avcC/hvcC), empty where it comes in the packets.
    width, height: in pixels, 0 where the source does not say. rotation: degrees clockwise that a player applies. fps:
    as announced, 0 where it is not.
    """

    codec: str
    extradata: bytes
    width: int
    height: int
    rotation: int = 0
    fps: float = 0


class SourcePacket(msgspec.Struct, frozen=True):
    """One packet: one frame, as the source has it (Annex B or length-prefixed).

    pts, dts: in SOURCE_TICKS of the source's own clock, None where it does not say; they may jump. key: decoding can
    start here. arrival: Unix seconds at which its last byte came. wall: Unix seconds of its capture by the sender's
    clock, None where unknown. lost: frames lost in the network since the packet before.
    """

    pts: int | None
    dts: int | None
    key: bool
    arrival: float
    data: bytes
    wall: float | None = None
    lost: int = 0


class SourceFailed(WebDetectorError):
    """The source cannot be read, or no longer. Its text never contains an address with a password.

    permanent: trying again cannot help before somebody changes the stream.
    """

    code = "source_failed"

    def __init__(self, reason: Reason, detail: str, *, permanent: bool = False) -> None:
        super().__init__(detail)
        self.reason = reason
        self.permanent = permanent


class Source(Protocol):
    """Used by one task: open once, read until it fails, close always."""

    async def open(self) -> None:
        """Connect. Raises SourceFailed."""

    async def read(self) -> SourceConfig | SourcePacket:
        """The next item; a SourceConfig before the first packet. Raises SourceFailed at the end: a live source has
        none. May be cancelled."""

    async def close(self) -> None:
        """Release everything: sockets, child processes. Does nothing the second time."""
