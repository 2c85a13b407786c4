"""How long the results of a stream are kept."""

import time

from contracts.live.streams import StreamSpec


class Retention:
    """Of one stream: so many minutes, and at least twice the length of a recording. A change makes it longer at once,
    and shorter only when what had the longer time has had it: a recording that runs still needs its results."""

    def __init__(self, least_minutes: float) -> None:
        self._least_minutes = least_minutes
        self._seconds = self._until = 0.0

    def seconds(self, spec: StreamSpec) -> float:
        """For a result that is made by this revision now."""
        wanted = 60 * max(self._least_minutes, 2 * spec.record.minutes if spec.record else 0)
        now = time.monotonic()
        if wanted >= self._seconds or now >= self._until:
            self._seconds, self._until = wanted, now + wanted
        return self._seconds
