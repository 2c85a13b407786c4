"""A detector's lease on a chunk in progress; on the first chunk of a run for the whole run."""

from contracts.results.port import Hold, ResultStore, Sign, Standing
from contracts.wire.messages import Chunk


class Lease:
    """held: whether this worker had the lease when it asked last."""

    def __init__(self, store: ResultStore, message: Chunk, worker: str, seconds: int) -> None:
        self._store, self._job_id = store, message.job_id
        self._hold = Hold(message.index, worker, seconds)
        self.held = False

    def take(self) -> bool:
        """Take or renew it; False when another worker has it."""
        self.held = self._store.take_lease(self._job_id, self._hold.index, self._hold.owner, self._hold.seconds)
        return self.held

    def report(self, sign: Sign) -> Standing:
        """Renew it with a sign of life."""
        standing = self._store.report(self._job_id, self._hold, sign)
        self.held = standing.held
        return standing

    def release(self) -> None:
        """Release it, if it is ours."""
        if self.held:
            self.held = False
            self._store.release_lease(self._job_id, self._hold.index, self._hold.owner)
