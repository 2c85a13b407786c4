"""The stream clock: turns a source's own times into ticks that are unique, do not fall and run on over reconnects."""

from collections import deque

from contracts.live.streams import TICKS_PER_SECOND

# A source's clock that is so far from that of the arrivals has jumped, or is none.
_JUMP_TICKS = 10 * TICKS_PER_SECOND
_RECENT = 64  # packets: more than any decoder reorders
# Where a source says when a picture is shown only: so long before, at most, it has to be decoded.
_REORDERING_TICKS = TICKS_PER_SECOND // 4
# A source's times fall by less, where its pictures are reordered; by more, and they begin anew.
_FALL_TICKS = TICKS_PER_SECOND


class StreamClock:
    """The clock of one stream.

    started_at: Unix seconds of tick 0. not_before: the least dts, where another ingest wrote packets before.
    """

    def __init__(self, started_at: float, not_before: int = 0) -> None:
        self._started_at = started_at
        self._shift: int | None = None  # from the source's clock to ticks
        self._known = 0  # the newest time of the source's clock
        self._next = self._came = not_before
        self._ahead = 0  # ticks that this clock is ahead of that of the arrivals, which was set back
        self._recent: deque[int] = deque(maxlen=_RECENT)

    def restart(self) -> None:
        """The source was connected anew: its clock begins where the next packet arrives."""
        self._shift = None

    def times(self, pts: int | None, dts: int | None, arrival: float) -> tuple[int, int]:
        """(pts, dts) in ticks of the stream clock. pts, dts: in ticks of the source's clock. arrival: Unix seconds."""
        came = self._arrived(arrival)
        known = dts if dts is not None else pts
        if known is None:
            came = max(came, self._next)
            return self._taken(came, came)
        own = pts if pts is not None else known
        begins_anew = self._known - known > _FALL_TICKS
        if self._shift is None or begins_anew or abs(known + self._shift - came) > _JUMP_TICKS:
            self._shift = max(max(came, self._next) - known, self._behind_all() - own)
            self._known = known
        self._known = max(self._known, known)
        shown = own + self._shift
        return self._taken(shown, shown - _REORDERING_TICKS if dts is None else dts + self._shift)

    def _behind_all(self) -> int:
        """The least pts that is behind those of all packets so far, but for absurd ones."""
        return min(max(self._recent, default=-1) + 1, self._next + _FALL_TICKS)

    def _arrived(self, arrival: float) -> int:
        came = round((arrival - self._started_at) * TICKS_PER_SECOND) + self._ahead
        if self._came - came > _FALL_TICKS:
            self._ahead += self._came - came
        self._came = max(came, self._came)
        return self._came

    def _taken(self, pts: int, dts: int) -> tuple[int, int]:
        dts = max(dts, self._next)
        if abs(pts - dts) > _JUMP_TICKS:  # no reordering is so long
            pts = dts
        while pts in self._recent:
            pts += 1
        self._next = dts + 1
        self._recent.append(pts)
        return pts, dts
