"""A detector's lease on a chunk in progress; on the first chunk of a run for the whole run."""

from contracts.results.port import ResultStore
from contracts.wire.messages import Chunk


class Lease:
    """held: whether this worker had the lease when it asked last."""

    def __init__(self, store: ResultStore, message: Chunk, worker: str, seconds: int) -> None:
        self._store, self._worker, self._seconds = store, worker, seconds
        self._job_id, self._index = message.job_id, message.index
        self.held = False

    def take(self) -> bool:
        """Take or renew it; False when another worker has it."""
        self.held = self._store.take_lease(self._job_id, self._index, self._worker, self._seconds)
        return self.held

    def release(self) -> None:
        """Release it, if it is ours."""
        if self.held:
            self.held = False
            self._store.release_lease(self._job_id, self._index, self._worker)
