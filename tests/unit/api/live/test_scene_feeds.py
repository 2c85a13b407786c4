"""Viewers that ask for the events of scenes: which streams are read for them, and how many at once."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from anyio.to_thread import current_default_thread_limiter

from api.live import scene_feeds
from api.live.outbox import Outbox
from api.live.scene_feeds import SceneFeeds, Watched
from api.live.stream_events import SceneReader
from contracts.database.tables import Scene


def scene(name: str) -> Scene:
    return Scene(id=name, user_id="someone", name=name, zones=[], lines=[], revision=1)


class Results:
    """A Redis with no results. reading, most: how many read them at once. Whoever reads says that it has
    entered, and waits for room."""

    def __init__(self) -> None:
        self.reading = self.most = 0
        self.room, self.entered = threading.Semaphore(0), threading.Semaphore(0)
        self._lock = threading.Lock()

    def xrange(self, *_: Any, **__: Any) -> list[Any]:
        with self._lock:
            self.reading += 1
            self.most = max(self.most, self.reading)
        self.entered.release()
        self.room.acquire(timeout=60)
        with self._lock:
            self.reading -= 1
        return []

    def xrevrange(self, *_: Any, **__: Any) -> list[Any]:
        return []


@pytest.fixture
def results() -> Iterator[Results]:
    made = Results()
    yield made
    made.room.release(100)


class Feeds:
    """made: the scenes for which a reader was made."""

    def __init__(self, results: Results) -> None:
        self.made: list[str] = []
        self._results = results
        self.feeds = SceneFeeds(self._reader, lambda *_: ())

    def _reader(self, watched: Watched, of: Scene) -> SceneReader:
        self.made.append(watched.scene_id)
        return SceneReader(self._results, watched.stream_id, of)  # type: ignore[arg-type]


def test_who_asks_for_the_same_again_makes_no_other_reader(results: Results) -> None:
    results.room.release(100)
    found = Feeds(results)

    async def ask() -> None:
        viewer = Outbox()
        for names in ("ab", "ab", "bc", "b"):
            await found.feeds.want(viewer, "yard", [scene(name) for name in names])
        found.feeds.leave(viewer)
        await found.feeds.want(viewer, "yard", [scene("b")])
        found.feeds.leave(viewer)

    asyncio.run(ask())
    assert found.made == ["a", "b", "c", "b"]


def test_few_read_what_was_before_at_once(results: Results) -> None:
    found = Feeds(results)

    async def ask() -> None:
        viewers = [Outbox() for _ in range(8)]
        asking = [asyncio.create_task(found.feeds.want(one, str(n), [scene("a")])) for n, one in enumerate(viewers)]
        for _ in range(scene_feeds._CATCHING_UP):
            assert await asyncio.to_thread(results.entered.acquire, timeout=60)
        assert current_default_thread_limiter().borrowed_tokens == scene_feeds._CATCHING_UP
        results.room.release(100)
        await asyncio.gather(*asking)
        for viewer in viewers:
            found.feeds.leave(viewer)

        await asyncio.gather(*(found.feeds.want(one, "gate", [scene("b")]) for one in viewers))
        for viewer in viewers:
            found.feeds.leave(viewer)

    asyncio.run(ask())
    assert found.made.count("a") == 8, "of 8 streams"
    assert found.made.count("b") <= scene_feeds._CATCHING_UP, "of one"
    assert results.most == scene_feeds._CATCHING_UP
