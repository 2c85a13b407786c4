"""Events that were computed lately, so that pages, counts and filters of the same ones need no second pass."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Waited

from api.results.scene_events import SceneEvents
from contracts.errors import EventsBusy

_WAIT_SECONDS = 30
# Who asks for what is not there yet holds a thread until it is, and there are 40 for all requests of a worker.
_MOST_ASKING = 12
_MOST_ASKING_USER = 4
# What an answer weighs beside its events and tracks, in events.
_ANSWER = 100


class EventCache:
    """Computes few at once, each once, and keeps the newest.

    at_once: so many are computed at the same time. most: the weight of all that is kept, in events. answers: so many
    are kept.
    """

    def __init__(
        self, at_once: int = 2, most: int = 300_000, answers: int = 64, wait_seconds: float = _WAIT_SECONDS
    ) -> None:
        self._room = threading.Semaphore(at_once)
        self._most = most
        self._answers = answers
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Future[SceneEvents]] = OrderedDict()
        # How many requests of each user compute or wait.
        self._asking: Counter[str] = Counter()

    def get(self, key: Hashable, user: str, compute: Callable[[], SceneEvents]) -> SceneEvents:
        """The events of a key, which stands for all that they are made of. Raises EventsBusy, and what `compute`
        does."""
        with self._lock:
            future = self._kept.get(key)
            if future is not None:
                self._kept.move_to_end(key)
                if future.done():
                    return future.result()
            self._require_room(user)
            self._asking[user] += 1
            new = future is None
            if future is None:
                future = self._kept[key] = Future()
        try:
            if new:
                self._settle(key, future, compute)
            return future.result(self._wait_seconds)
        except Waited:
            raise EventsBusy("these events are still being computed: ask again in a few seconds") from None
        finally:
            with self._lock:
                self._asking -= Counter((user,))

    def _require_room(self, user: str) -> None:
        if self._asking[user] >= _MOST_ASKING_USER:
            raise EventsBusy(
                f"{_MOST_ASKING_USER} of your questions about events are being answered: wait for one of them"
            )
        if self._asking.total() >= _MOST_ASKING:
            raise EventsBusy("many events of other jobs are being computed: ask again in a few seconds")

    def _settle(self, key: Hashable, future: Future[SceneEvents], compute: Callable[[], SceneEvents]) -> None:
        try:
            if not self._room.acquire(timeout=self._wait_seconds):
                raise EventsBusy("the events of other jobs are being computed: ask again in a few seconds")
            try:
                future.set_result(compute())
            finally:
                self._room.release()
        except BaseException as error:
            with self._lock:
                self._kept.pop(key, None)
            future.set_exception(error)
            return
        self._shrink()

    def _shrink(self) -> None:
        """Let go of the oldest until the rest is few enough; the newest stays."""
        with self._lock:
            done = {key: future.result() for key, future in self._kept.items() if future.done()}
            total, number = sum(map(_weight, done.values())), len(done)
            for key, found in list(done.items())[:-1]:
                if total <= self._most and number <= self._answers:
                    break
                del self._kept[key]
                total, number = total - _weight(found), number - 1


def _weight(found: SceneEvents) -> int:
    """In events; a track's label and score are kept whether it has any or not."""
    return len(found.events) + 2 * len(found.class_id) + _ANSWER
