"""Questions about the events of streams: which are read anew, and how many at once."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.live.stream_events import SceneReader, SceneReaders
from api.results.turns import Turns
from contracts.database.tables import Scene
from contracts.errors import EventsBusy
from tests.support.waiting import until

SCENE = Scene(id="yard", user_id="someone", name="yard", zones=[], lines=[], revision=1)


class Results:
    """A Redis with no results. reads: how often they were asked for. Whoever asks waits while it is shut."""

    def __init__(self) -> None:
        self.reads = self.inside = self.most_inside = 0
        self.opened = threading.Event()
        self.opened.set()
        self._lock = threading.Lock()

    def xrange(self, *_: Any, **__: Any) -> list[Any]:
        with self._lock:
            self.reads += 1
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        self.opened.wait(60)
        with self._lock:
            self.inside -= 1
        return []

    def xrevrange(self, *_: Any, **__: Any) -> list[Any]:
        return []


class Asked:
    """The readers of one process. made: the keys of those that were made."""

    def __init__(self, **options: Any) -> None:
        self.results, self.made = Results(), list[object]()
        self.readers = SceneReaders(Turns(wait_seconds=60), **options)

    def ask(self, user: str, key: object) -> SceneReader:
        def make() -> SceneReader:
            self.made.append(key)
            return SceneReader(self.results, "stream", SCENE)  # type: ignore[arg-type]

        return self.readers.read(user, key, make)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as made:
        yield made


def test_what_is_asked_again_is_not_made_again_and_many_questions_of_one_take_no_place_of_others() -> None:
    asked = Asked(most_of_user=3)
    asked.ask("quiet", 0)
    for key in range(1, 10):
        asked.ask("curious", key)
    made = len(asked.made)
    asked.ask("quiet", 0)
    asked.ask("curious", 9)
    assert len(asked.made) == made
    asked.ask("curious", 1)
    assert asked.made[made:] == [1], "it was let go of"


def test_few_are_read_from_the_beginning_at_once_and_none_waits_who_is_current(pool: ThreadPoolExecutor) -> None:
    asked = Asked()
    current = asked.ask("a", "known")
    asked.results.opened.clear()
    waiting = [pool.submit(asked.ask, "a", key) for key in range(4)]
    until(lambda: asked.results.inside == 2)
    with pytest.raises(EventsBusy, match="4 of your questions"):
        asked.ask("a", 5)
    again = pool.submit(asked.ask, "a", "known")
    until(lambda: asked.results.inside == 3)
    asked.results.opened.set()
    assert again.result() is current
    assert len({id(one.result()) for one in waiting}) == 4
    assert asked.results.most_inside == 3, "two that begin, and the one that goes on"
