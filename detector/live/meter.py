"""Rate and latency of a stream over the last seconds."""

from collections import deque
from math import ceil

WINDOW_SECONDS = 5.0


class Meter:
    """Results of one stream."""

    def __init__(self) -> None:
        self._results: deque[tuple[float, float]] = deque(maxlen=4096)  # when, and latency in seconds
        self._began: float | None = None

    def note(self, now: float, latency: float) -> None:
        """A result was written. now: seconds of a clock that never falls."""
        if self._began is None:
            self._began = now
        self._results.append((now, latency))

    def fps(self, now: float) -> float:
        """Results per second."""
        self._trim(now)
        if self._began is None:
            return 0.0
        return len(self._results) / min(WINDOW_SECONDS, max(now - self._began, 1.0))

    def latency_ms(self, now: float) -> tuple[float, float] | None:
        """p50 and p95; None without results."""
        self._trim(now)
        if not self._results:
            return None
        found = sorted(latency for _, latency in self._results)
        middle, high = (found[ceil(len(found) * share) - 1] * 1000 for share in (0.5, 0.95))
        return round(middle, 1), round(high, 1)

    def _trim(self, now: float) -> None:
        while self._results and self._results[0][0] < now - WINDOW_SECONDS:
            self._results.popleft()
