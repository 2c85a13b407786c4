"""What attempts cost: CPU time of this process and its decoders, and inferred frames."""

import secrets
import threading
import time
from collections.abc import Callable

from contracts.results.port import Cost, ResultStore


class CpuTime:
    """CPU-seconds of this process, all threads of the engine included.

    Each is taken once: of two chunks in hand at a time, by the one that is being computed.
    """

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self._clock = clock
        self._taken = clock()
        self._lock = threading.Lock()

    def take(self) -> float:
        """Those since the last call."""
        with self._lock:
            since, self._taken = self._taken, self._clock()
            return self._taken - since


class AttemptCost:
    """The cost of one attempt, kept in the result store as it grows. It counts whatever becomes of the attempt.

    name: of the attempt in the store. total: so far.
    """

    def __init__(self, store: ResultStore, job_id: str, index: int) -> None:
        self._store, self._job_id = store, job_id
        self.name = f"{index}:{secrets.token_hex(4)}"
        self.total = Cost()

    def add(self, cpu_seconds: float, inferred: int = 0) -> None:
        """Add to it and keep it. Raises StoreUnavailable."""
        self.grow(cpu_seconds, inferred)
        self._store.set_cost(self._job_id, self.name, self.total)

    def grow(self, cpu_seconds: float, inferred: int = 0) -> None:
        """Add to it; the caller keeps it."""
        self.total += Cost(cpu_seconds, inferred)
