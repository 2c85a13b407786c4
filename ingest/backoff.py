"""How long to wait before a source is connected anew."""

import random

FIRST_SECONDS = 0.5
MOST_SECONDS = 30.0
# A source that was read for so long begins anew with short waits.
STEADY_SECONDS = 10.0


class Backoff:
    """Of one source. Waits double, and are shortened at random by up to half: cameras that were lost together are not
    connected together."""

    def __init__(self) -> None:
        self._failures = 0

    def after(self, read_seconds: float) -> float:
        """Seconds to wait after a failure. read_seconds: for how long the source was read before it."""
        if read_seconds >= STEADY_SECONDS:
            self._failures = 0
        wait = min(FIRST_SECONDS * 2.0**self._failures, MOST_SECONDS)
        self._failures = min(self._failures + 1, 16)
        return wait * random.uniform(0.5, 1)  # noqa: S311  (no secret)
