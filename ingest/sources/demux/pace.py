"""The pace of packets: that of a stored video, and what is no live source. Pure but for the clock that is given."""

import time
from collections.abc import Callable

import msgspec

from ingest.sources.port import SOURCE_TICKS, SourcePacket

# A packet that is due so long ago is not made up for: the reader was stopped, or too slow.
_BEHIND_SECONDS = 1.0
# A gap in a video's times that is longer is not waited for.
_LONGEST_GAP = 10 * SOURCE_TICKS
# Live sources begin with what they kept of the last seconds.
_AHEAD_TICKS = 60 * SOURCE_TICKS


class Haste:
    """Notices a file that comes as fast as the network. clock: monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._start = clock, clock()
        self._played = 0
        self._place: int | None = None

    def sees(self, packet: SourcePacket) -> bool:
        """Whether much more has come than can have been recorded meanwhile."""
        place = packet.dts if packet.dts is not None else packet.pts
        if place is not None:
            if self._place is not None and 0 < place - self._place <= _LONGEST_GAP:
                self._played += place - self._place
            self._place = place
        return self._played - (self._clock() - self._start) * SOURCE_TICKS > _AHEAD_TICKS


class Loop:
    """A stored video as a live source: its packets at their times, and again from the start, on one clock.

    Gives each packet its time and waits until that has come. clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._clock, self._sleep = clock, sleep
        self._start: float | None = None  # when tick 0 was due
        self._shift = 0  # from the video's times to those of the source
        self._step = self._packets = 0
        self._place: int | None = None  # dts of the packet before, in the video's times
        self._next = 0  # in the source's times: where the next turn begins

    def begin(self, step: int) -> None:
        """A turn. step: ticks of a frame that does not say how long it is shown."""
        self._step, self._place, self._packets = step, None, 0

    @property
    def is_empty(self) -> bool:
        """Whether the turn had no packet."""
        return self._place is None

    def placed(self, packet: SourcePacket) -> SourcePacket:
        """A packet with its times in the source's clock, when it is due."""
        decoded = packet.dts if packet.dts is not None else packet.pts
        if decoded is None:
            decoded = 0 if self._place is None else self._place + self._step
            packet = msgspec.structs.replace(packet, dts=decoded)
        if self._place is None or not 0 <= decoded - self._place <= _LONGEST_GAP:
            self._shift = self._next - decoded
        elif decoded > self._place:
            self._step = decoded - self._place
        self._place = decoded
        due = decoded + self._shift
        self._next = due + (max(1, self._step) if self._packets else SOURCE_TICKS)  # a picture stands for a second
        self._packets += 1
        self._wait(due / SOURCE_TICKS)
        return msgspec.structs.replace(
            packet,
            pts=None if packet.pts is None else packet.pts + self._shift,
            dts=None if packet.dts is None else packet.dts + self._shift,
            arrival=time.time(),
        )

    def _wait(self, due: float) -> None:
        now = self._clock()
        if self._start is None or now - self._start - due > _BEHIND_SECONDS:
            self._start = now - due
        if (left := self._start + due - now) > 0:
            self._sleep(left)
