"""An ingest's lease on a stream."""

import itertools
import time
from collections.abc import Callable

from contracts.coordination import names

LEASE_SECONDS = 5

_generations = itertools.count(1)


class Lease:
    """One taking of a stream: the owner of its lock, another one each time."""

    def __init__(self, instance: str, stream_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = names.stream_ingest(stream_id)
        self.owner = f"{instance}:{next(_generations)}"
        self._clock = clock
        self._renewed_at = -float(LEASE_SECONDS)

    def now(self) -> float:
        """To be asked before a renewal is sent, for `renewed`."""
        return self._clock()

    def renewed(self, asked_at: float) -> None:
        """It was taken or renewed."""
        self._renewed_at = asked_at

    @property
    def is_held(self) -> bool:
        """Whether no other ingest can have the stream. Without Redis, or after the process was suspended, nobody
        knows."""
        return self.age < LEASE_SECONDS

    @property
    def age(self) -> float:
        """Seconds since it was renewed."""
        return self._clock() - self._renewed_at
