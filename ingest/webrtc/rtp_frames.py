"""From RTP packets to frames. Pure: the time is told.

A frame is released with the packet that carries the marker bit, which ends it (RFC 6184, 5.1), and not with the first
packet of the next frame: that would cost a whole frame interval of delay.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

# How long a missing packet is waited for: a retransmission takes a round trip.
HOLD_SECONDS = 0.2
# Packets behind a missing one that are kept, and of one frame; about 5 MB.
MOST_PACKETS = 4096
# Sequence numbers this far apart are those of a sender that began anew.
_JUMP = 0x4000


class RtpPart(NamedTuple):
    """What is needed of an RTP packet. sequence: 16 bits; timestamp: 32 bits, 90 kHz."""

    sequence: int
    timestamp: int
    marker: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class RtpFrame:
    """The payloads of one frame in order. timestamp: 32 bits, 90 kHz. whole: whether its end came. missing: packets
    lost between the frame before and these payloads; the first ones of this frame may be among them."""

    timestamp: int
    payloads: list[bytes]
    whole: bool
    missing: int


class FrameBuffer:
    """Puts the packets of one sender in order and releases whole frames. A missing packet is waited for, not longer
    than HOLD_SECONDS and not beyond MOST_PACKETS; then what there is of its frame is released."""

    def __init__(self) -> None:
        self._waiting: dict[int, RtpPart] = {}  # behind a missing one, by number
        self._next: int | None = None  # number of the packet that comes next
        self._hole_since: float | None = None
        self._payloads: list[bytes] = []
        self._timestamp = 0
        self._missing = 0

    def add(self, part: RtpPart, now: float) -> list[RtpFrame]:
        """Take a packet; the frames that end with it. now: seconds of any clock that does not go back."""
        number = self._numbered(part.sequence)
        if self._next is None or abs(number - self._next) > _JUMP:
            frames = self._broken_off()
            self._waiting.clear()
            self._missing += self._next is not None
            self._next = number
        elif number < self._next:
            return []  # late or doubled
        else:
            frames = []
        self._waiting[number] = part
        frames += self._ordered()
        while self._waiting and (self._held_too_long(now) or len(self._waiting) > MOST_PACKETS):
            frames += self._give_up()
        if not self._waiting:
            self._hole_since = None
        elif self._hole_since is None:
            self._hole_since = now
        return frames

    def _numbered(self, sequence: int) -> int:
        """The number of a packet in a row without wraps: the nearest one to the next that has this sequence number."""
        if self._next is None:
            return sequence
        return self._next + (sequence - self._next + 0x8000) % 0x10000 - 0x8000

    def _held_too_long(self, now: float) -> bool:
        return self._hole_since is not None and now - self._hole_since > HOLD_SECONDS

    def _ordered(self) -> Iterator[RtpFrame]:
        """Move on over the packets that are there, to the next missing one."""
        while self._next is not None and (part := self._waiting.pop(self._next, None)) is not None:
            self._next += 1
            if part.timestamp != self._timestamp and self._payloads:  # a sender that sets no marker
                yield self._ended()
            self._timestamp = part.timestamp
            if part.payload:  # else padding
                self._payloads.append(part.payload)
            if self._payloads and (part.marker or len(self._payloads) >= MOST_PACKETS):
                yield self._ended()

    def _give_up(self) -> Iterator[RtpFrame]:
        """Move on behind the missing packets."""
        yield from self._broken_off()
        first = min(self._waiting)
        self._missing += first - (self._next or 0)
        self._next, self._hole_since = first, None
        yield from self._ordered()

    def _broken_off(self) -> list[RtpFrame]:
        """The frame that was begun, whose rest does not come."""
        return [self._ended(whole=False)] if self._payloads else []

    def _ended(self, *, whole: bool = True) -> RtpFrame:
        frame = RtpFrame(self._timestamp, self._payloads, whole, self._missing)
        self._payloads, self._missing = [], 0
        return frame
