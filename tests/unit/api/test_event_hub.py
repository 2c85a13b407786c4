"""Event streams: who is told what, and what is loaded for it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from api.notify import event_hub
from api.notify.event_hub import Change, Event, EventHub, Key, Listener

THEN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = THEN + timedelta(hours=1)


def job(number: int, mark: object = 0) -> Change:
    return Change("user", "job", str(number), str(number), "video", mark)


def told(events: Sequence[Event]) -> list[str]:
    return [event.data.decode() for event in events]


class Source:
    """What a hub reads: the changes of the next poll, and the content of jobs, at most so many at once."""

    def __init__(self, at_once: int = 1000) -> None:
        self.changes: list[Change] = []
        self.loads: list[list[str]] = []
        self.gone: set[str] = set()
        self.on_load: Callable[[], None] = lambda: None
        self._at_once = at_once

    def read(self, _users: Sequence[str], _since: datetime) -> list[Change]:
        return self.changes

    def load(self, changes: Sequence[Change]) -> dict[Key, bytes | None]:
        self.loads.append([change.id for change in changes])
        self.on_load()
        some = changes[: self._at_once]
        return {change.key: None if change.id in self.gone else change.id.encode() for change in some}

    def hub(self) -> EventHub:
        return EventHub(self.read, self.load, set)


def run(source: Source, steps: Callable[[EventHub, Listener], Awaitable[None]]) -> None:
    async def main() -> None:
        hub, listener = source.hub(), Listener("user", "credential", THEN)
        hub.add(listener)
        await asyncio.wait_for(steps(hub, listener), 60)
        hub.remove(listener)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_hub, "_PERIOD_SECONDS", 0.05)
        asyncio.run(main())


def test_all_that_is_active_is_told_in_order_and_loaded_in_pages() -> None:
    source = Source(at_once=70)
    source.gone = {"5"}

    async def steps(hub: EventHub, listener: Listener) -> None:
        listener.offer(map(job, range(1000)), NOW)
        heard: list[str] = []
        while len(heard) < 999:
            assert listener.time == THEN, "a client that is disconnected now has to be told again"
            heard += told(await hub.take(listener, 5))
        assert heard == [str(number) for number in range(1000) if number != 5]
        assert listener.time >= NOW
        assert max(map(len, source.loads)) == 100

    run(source, steps)


def test_what_has_not_changed_is_not_loaded() -> None:
    source = Source()
    source.changes = [job(number) for number in range(300)]

    async def steps(hub: EventHub, listener: Listener) -> None:
        listener.offer(source.changes, NOW)
        for _ in range(3):
            await hub.take(listener, 5)
        loads = len(source.loads)
        assert await hub.take(listener, 0.2) == []
        source.changes = [job(7), job(8, mark=1)]
        assert told(await hub.take(listener, 5)) == ["8"]
        assert source.loads[loads:] == [["8"]]

    run(source, steps)


def test_nothing_is_loaded_for_a_client_that_does_not_read() -> None:
    source = Source()

    async def steps(hub: EventHub, listener: Listener) -> None:
        for mark in range(3):
            source.changes = [job(number, mark) for number in range(50)]
            await asyncio.sleep(0.1)
        assert source.loads == []
        assert len(await hub.take(listener, 5)) == 50
        assert len(source.loads) == 1

    run(source, steps)


def test_one_load_serves_all_streams() -> None:
    source = Source()

    async def steps(hub: EventHub, listener: Listener) -> None:
        others = [Listener("user", "credential", THEN, *limits) for limits in ((), ("1", "video"), ("2", "video"))]
        for other in others:
            hub.add(other)
        waiting = [asyncio.create_task(hub.take(one, 5)) for one in (listener, *others)]
        await asyncio.sleep(0)
        source.changes = [job(0), job(1, mark=None)]
        *heard, nothing = waiting
        assert [told(await one) for one in heard] == [["0", "1"], ["0", "1"], ["1"]]
        assert source.loads == [["0", "1"]]
        assert not nothing.done()
        nothing.cancel()
        for other in others:
            hub.remove(other)

    run(source, steps)


def test_a_change_during_the_load_of_an_earlier_one_is_told_too() -> None:
    source = Source()

    async def steps(hub: EventHub, listener: Listener) -> None:
        source.on_load = lambda: listener.offer([job(1, mark="newer")], NOW)
        listener.offer([job(1, mark="older")], NOW)
        assert told(await hub.take(listener, 5)) == ["1"]
        source.on_load = lambda: None
        assert told(await hub.take(listener, 5)) == ["1"]

    run(source, steps)
