"""What became of the packets of a stream: each is analysed, dropped for a reason, or left out by max_fps."""

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from contracts.live.packets import Packet
from contracts.live.streams import DropReason
from contracts.metrics.table import FRAMES_DROPPED, FRAMES_SKIPPED
from contracts.metrics.totals import Counts


@dataclass(frozen=True, slots=True)
class Origin:
    """The packet of a frame: see contracts.live.packets."""

    number: int
    pts: int
    arrival: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Frames since the start. sent: packets that arrived or were trimmed on the way; the others add up to it, but for
    those still in progress."""

    sent: int
    analysed: int
    skipped: int
    dropped: dict[str, int]

    @property
    def open(self) -> int:
        """Frames in progress."""
        return self.sent - self.analysed - self.skipped - sum(self.dropped.values())


class Accounts:
    """Counts of one stream. Several threads may use it."""

    def __init__(self, counts: Counts | None = None) -> None:
        """counts: for metrics, of all streams together."""
        self._counts = counts or Counts()
        self._lock = threading.Lock()
        self._last: int | None = None  # number of the packet that arrived last
        self._sent = self._analysed = self._skipped = 0
        self._dropped: Counter[DropReason] = Counter()
        self._since: Counter[DropReason] = Counter()  # since the last result
        self._fed: dict[int, Origin] = {}  # by pts: in the decoder

    def follows(self, packet: Packet) -> bool:
        """Whether a packet is the next one after that which arrived last."""
        return self._last is not None and packet.number == self._last + 1

    @property
    def have_begun(self) -> bool:
        """Whether any packet was counted."""
        return self._sent > 0

    def pass_over(self, packet: Packet) -> None:
        """A packet arrived that was there before this detector: it is not counted."""
        self._last = packet.number

    def arrive(self, packet: Packet, missing: DropReason) -> None:
        """A packet arrived. missing: why those between the last one and this did not.

        Where numbers fall, the stream was started anew.
        """
        with self._lock:
            gap = 0 if self._last is None else max(0, packet.number - self._last - 1)
            self._last = packet.number
            self._sent += 1 + gap
            self._drop(missing, gap)

    def drop(self, reason: DropReason, frames: int = 1) -> None:
        """Frames get no result."""
        with self._lock:
            self._drop(reason, frames)

    def feed(self, packet: Packet) -> None:
        """The decoder gets a packet that arrived."""
        with self._lock:
            self._fed[packet.pts] = Origin(packet.number, packet.pts, packet.arrival)

    def come(self, frames: Iterable[int]) -> dict[int, Origin]:
        """Frames came out of the decoder, pts in display order: their origins by pts. Those before them in that order
        that did not come will not come."""
        found = {}
        with self._lock:
            for pts in frames:
                if pts in self._fed:
                    found[pts] = self._fed.pop(pts)
                    lost = [one for one in self._fed if one < pts]
                    for one in lost:
                        del self._fed[one]
                    self._drop(DropReason.NETWORK, len(lost))
        return found

    def forget_fed(self) -> None:
        """The decoder has ended: what it had does not come."""
        with self._lock:
            self._drop(DropReason.NETWORK, len(self._fed))
            self._fed.clear()

    def skip(self, frames: int) -> None:
        """max_fps leaves frames out."""
        with self._lock:
            self._skipped += frames
        self._counts.add(FRAMES_SKIPPED, frames)

    def analyse(self) -> None:
        """A frame has a result."""
        with self._lock:
            self._analysed += 1

    def since_last(self) -> dict[str, int]:
        """Drops since the last call, by reason."""
        with self._lock:
            since = {reason.value: count for reason, count in self._since.items()}
            self._since.clear()
            return since

    def totals(self) -> Totals:
        """All counts."""
        with self._lock:
            dropped = {reason.value: count for reason, count in self._dropped.items()}
            return Totals(self._sent, self._analysed, self._skipped, dropped)

    def _drop(self, reason: DropReason, frames: int) -> None:
        if frames:
            self._dropped[reason] += frames
            self._since[reason] += frames
            self._counts.add(FRAMES_DROPPED, frames, reason)
