"""Events that were computed lately, so that pages, counts and filters of the same ones need no second pass."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Waited

from api.results.scene_events import SceneEvents
from api.results.turns import WAIT_SECONDS, Turns
from contracts.errors import EventsBusy

# What an answer weighs beside its events and tracks, in events.
_ANSWER = 100


class EventCache:
    """Computes few at once, each once, and keeps the newest.

    at_once: so many are computed at the same time. most: the weight of all that is kept, in events. answers: so many
    are kept.
    """

    def __init__(
        self, at_once: int = 2, most: int = 300_000, answers: int = 64, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self._turns = Turns(at_once, wait_seconds)
        self._most = most
        self._answers = answers
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Future[SceneEvents]] = OrderedDict()

    def get(self, key: Hashable, user: str, compute: Callable[[], SceneEvents]) -> SceneEvents:
        """The events of a key, which stands for all that they are made of. Raises EventsBusy, and what `compute`
        does."""
        with self._lock:
            future = self._known(key)
        if future is not None and future.done():
            return future.result()
        with self._turns.asked(user):
            with self._lock:
                future = self._known(key)
                new = future is None
                if future is None:
                    future = self._kept[key] = Future()
            if new:
                self._settle(key, future, compute)
            try:
                return future.result(self._turns.wait_seconds)
            except Waited:
                raise EventsBusy("these events are still being computed: ask again in a few seconds") from None

    def _known(self, key: Hashable) -> "Future[SceneEvents] | None":
        """What is there or on its way. With the lock."""
        future = self._kept.get(key)
        if future is not None:
            self._kept.move_to_end(key)
        return future

    def _settle(self, key: Hashable, future: "Future[SceneEvents]", compute: Callable[[], SceneEvents]) -> None:
        try:
            with self._turns.taken():
                future.set_result(compute())
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
