"""Which frames of a stream are analysed where it has more of them than are wanted."""


class Pace:
    """Takes frames that are an interval apart on average, and none in advance after a gap."""

    def __init__(self, interval: float) -> None:
        """interval: in ticks; 0 takes all frames."""
        self._interval = interval
        self._due: float | None = None

    def takes(self, pts: int) -> bool:
        """Whether to take the next frame in display order."""
        if not self._interval:
            return True
        due = self._due
        if due is not None and due - self._interval <= pts < due:
            return False
        if due is None or not due <= pts < due + self._interval:  # the first one, after a gap, or after a fall
            due = pts
        self._due = due + self._interval
        return True
