"""Runs of chunks that wait for their next time slice, each with the decoder that has come so far."""

import logging
import threading
import time
from typing import Protocol

from contracts.errors import WebDetectorError

log = logging.getLogger(__name__)

MOST_PARKED = 3
# After that, the message of the run counts as lost: the lease is given up, so that the reaper sends it again.
MOST_SECONDS = 600


class Run(Protocol):
    """What is parked. job_id, index: of its message."""

    @property
    def job_id(self) -> str: ...

    @property
    def index(self) -> int: ...

    def keep(self) -> bool:
        """Renew the lease; False when it is lost, or the job was cancelled."""

    def has_paid_off(self) -> bool:
        """Whether it has decoded as many new frames as it decoded before its first one."""

    def drop(self) -> None:
        """End the decoder and release the lease."""


class Parking:
    """Keeps runs and their leases, in a thread, until they are taken or are of no use any more.

    At most one run of a job, so that its runs end one after the other on the same detector, and MOST_PARKED.
    """

    def __init__(self, interval_seconds: float = 5) -> None:
        """interval_seconds: between two renewals of a lease."""
        self._interval = interval_seconds
        self._lock = threading.Lock()
        self._parked: list[tuple[Run, float]] = []  # the oldest first, with when it was parked
        self._keeper: threading.Thread | None = None

    def admits(self, job_id: str) -> bool:
        """Whether a run of this job may start here. May drop one that has paid off, so that no file is decoded more
        than twice for lack of room."""
        with self._lock:
            if any(run.job_id == job_id for run, _ in self._parked):
                return False
            if len(self._parked) < MOST_PARKED:
                return True
            old = next((item for item in self._parked if item[0].has_paid_off()), None)
            if old is None:
                return False
            self._parked.remove(old)
        old[0].drop()
        return True

    def put(self, run: Run) -> None:
        """Park a run."""
        with self._lock:
            self._parked.append((run, time.monotonic()))
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="parking", daemon=True)
                self._keeper.start()

    def take(self, job_id: str, index: int) -> Run | None:
        """The run parked under the address of its message; it is parked no more."""
        with self._lock:
            for item in self._parked:
                if (item[0].job_id, item[0].index) == (job_id, index):
                    self._parked.remove(item)
                    return item[0]
        return None

    def _keep(self) -> None:
        while True:
            time.sleep(self._interval)
            with self._lock:
                if not self._parked:
                    self._keeper = None
                    return
                useless = [item for item in self._parked if not _is_kept(*item)]
                self._parked = [item for item in self._parked if item not in useless]
            for run, _ in useless:
                log.info("the run from chunk %d on of job %s is parked no more", run.index, run.job_id)
                _drop(run)


def _is_kept(run: Run, since: float) -> bool:
    try:
        return time.monotonic() - since < MOST_SECONDS and run.keep()
    except WebDetectorError:  # the result store does not answer
        return True


def _drop(run: Run) -> None:
    try:
        run.drop()
    except WebDetectorError as error:
        log.warning("the run from chunk %d on of job %s: %s", run.index, run.job_id, error.detail)
