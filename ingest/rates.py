"""Rates of a stream over the last seconds."""

from collections import deque

WINDOW_SECONDS = 5.0


class Rates:
    """Packets and bytes by their arrival."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, float | None]] = deque()
        self._bytes = 0

    def count(self, now: float, size: int, lag: float | None) -> None:
        """A packet. now: monotonic seconds. lag: seconds from its capture to its arrival, None where unknown."""
        self._seen.append((now, size, lag))
        self._bytes += size
        self._forget(now)

    def fps(self, now: float) -> float:
        """Packets per second."""
        self._forget(now)
        return round(len(self._seen) / self._span(now), 1)

    def kbps(self, now: float) -> float:
        """Kilobits per second."""
        self._forget(now)
        return round(self._bytes * 8 / 1000 / self._span(now), 1)

    def lag_ms(self) -> float | None:
        """Median lag in milliseconds."""
        lags = sorted(lag for _, _, lag in self._seen if lag is not None)
        return round(lags[len(lags) // 2] * 1000, 1) if lags else None

    def _span(self, now: float) -> float:
        """Seconds that the packets stand for: less than the window for a stream that has just begun."""
        if len(self._seen) < 2:
            return WINDOW_SECONDS
        first = self._seen[0][0]
        return min(WINDOW_SECONDS, (now - first) * len(self._seen) / (len(self._seen) - 1)) or WINDOW_SECONDS

    def _forget(self, now: float) -> None:
        while self._seen and now - self._seen[0][0] > WINDOW_SECONDS:
            self._bytes -= self._seen.popleft()[1]
