"""Who may compute events now: few at once, so that requests for what is not there yet neither take all processors nor
hold all threads."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from contracts.errors import EventsBusy

WAIT_SECONDS = 30
# Who asks for what is not there yet holds a thread until it is, and there are 40 for all requests of a worker.
_MOST_ASKING = 12
_MOST_ASKING_USER = 4


class Turns:
    """at_once: so many compute at the same time; the others wait for so many seconds at most."""

    def __init__(self, at_once: int = 2, wait_seconds: float = WAIT_SECONDS) -> None:
        self.wait_seconds = wait_seconds
        self._room = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        # How many requests of each user compute or wait.
        self._asking: Counter[str] = Counter()

    @contextmanager
    def asked(self, user: str) -> Iterator[None]:
        """While a request of a user computes or waits. Raises EventsBusy where too many do."""
        with self._lock:
            self._require_room(user)
            self._asking[user] += 1
        try:
            yield
        finally:
            with self._lock:
                self._asking -= Counter((user,))

    @contextmanager
    def taken(self) -> Iterator[None]:
        """While it computes, after its turn has come. Raises EventsBusy where it does not."""
        if not self._room.acquire(timeout=self.wait_seconds):
            raise EventsBusy("the events of other jobs or streams are being computed: ask again in a few seconds")
        try:
            yield
        finally:
            self._room.release()

    def _require_room(self, user: str) -> None:
        if self._asking[user] >= _MOST_ASKING_USER:
            raise EventsBusy(
                f"{_MOST_ASKING_USER} of your questions about events are being answered: wait for one of them"
            )
        if self._asking.total() >= _MOST_ASKING:
            raise EventsBusy("many events of other jobs or streams are being computed: ask again in a few seconds")
