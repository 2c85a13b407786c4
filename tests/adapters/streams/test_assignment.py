"""Streams that come with their source, and leases, in one process on a real Valkey."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import redis
from msgspec.structs import replace

from contracts.coordination import names
from contracts.coordination.leases import Locks
from contracts.errors import StreamNotFed
from contracts.live import keys, presence
from contracts.live.packets import FIELD, decode_packet
from contracts.live.presence import IngestPresence
from contracts.live.redis_line import RedisLine
from contracts.live.registry import StreamRegistry
from contracts.live.streams import Reason, StreamSpec, StreamState
from ingest.assignment import balance, lease
from ingest.assignment.assignment import Assignment
from ingest.assignment.desk import Desk, Taken
from ingest.assignment.lease import Lease
from ingest.assignment.membership import Membership
from ingest.cancelling import cancelled
from ingest.packaging.packet_writer import PacketWriter
from ingest.packaging.recorder import Recorder
from ingest.pipeline import Pipeline
from ingest.runner import Runner
from ingest.sources.port import Source, SourceFailed
from tests.support.live.scripted_source import CONFIG, MemoryDeliveries, ScriptedSource, picture
from tests.support.servers.valkey import Valkey

WEBCAM = StreamSpec("webcam", "user", "webrtc", 1, time.time(), "nanodet-g")
LOST = SourceFailed(Reason.LOST, "the sender ended the session")


@pytest.fixture
def url(valkey: Valkey) -> Iterator[str]:
    url = valkey.url.replace("db=1", "db=10")
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url


class Desks:
    """An assignment with its connections; `instance` is its name."""

    def __init__(self, url: str, instance: str) -> None:
        self.redis, self.instance = redis.Redis.from_url(url), instance
        self._packets = RedisLine(url, 20)
        self._threads = ThreadPoolExecutor(1)
        self.assignment = Assignment(Desk(self.redis, Membership(self.redis, instance, "")), self._make)

    def _make(self, taken: Taken, source: Source | None) -> Runner:
        assert source is not None
        recorder = Recorder(taken.spec.id, "user", self.instance, None)
        packets = PacketWriter(self._packets, taken.spec.id, 100_000)
        pipeline = Pipeline(
            taken.spec.started_at, packets, recorder, MemoryDeliveries(), self._threads, lambda: taken.lease.is_held
        )
        return Runner(self.instance, taken.spec, lambda: source, pipeline, 10, reconnects=False)

    def seen(self) -> tuple[StreamState, str] | None:
        found = presence.read(self.redis, [WEBCAM.id])[WEBCAM.id][0]
        return (found.state, found.reason) if found else None

    def owner(self) -> str:
        return (Locks(self.redis).owner(names.stream_ingest(WEBCAM.id)) or "").rpartition(":")[0]

    def numbers(self) -> list[int]:
        found: Any = self.redis.xrange(keys.packets(WEBCAM.id))
        return [decode_packet(fields[FIELD]).number for _, fields in found]

    async def until(self, condition: Callable[[], object]) -> None:
        """Tick until it is true."""
        async with asyncio.timeout(120):
            while not condition():
                await self.assignment.tick()
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        await self.assignment.end()
        await self._packets.close()
        self._threads.shutdown()
        self.redis.close()


def play(url: str, steps: Callable[[Desks], Awaitable[None]], *specs: StreamSpec) -> None:
    async def run() -> None:
        desks = Desks(url, "host:1:one")
        for spec in specs:
            StreamRegistry(desks.redis).publish(spec, b"")
        try:
            await steps(desks)
        finally:
            await desks.close()

    asyncio.run(run())


def test_a_sender_is_read_until_it_leaves(url: str) -> None:
    async def steps(one: Desks) -> None:
        source = ScriptedSource([CONFIG, picture(), picture(), LOST])
        await one.assignment.begin(WEBCAM.id, source)
        assert one.owner() == "host:1:one"
        await one.until(lambda: one.seen() == (StreamState.RECONNECTING, Reason.LOST) and not one.owner())
        assert source.is_closed
        assert one.numbers() == [0, 1]

    play(url, steps, WEBCAM)


def test_a_stream_that_cannot_end_in_order_keeps_no_other_from_it(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, other = ScriptedSource([CONFIG, picture()]), ScriptedSource([CONFIG, picture()])
    ends: list[bool] = []

    async def breaks(_: object) -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(broken, "close", breaks.__get__(broken))

    async def steps(one: Desks) -> None:
        await one.assignment.begin(WEBCAM.id, broken)
        await one.assignment.begin("other", other)
        await one.assignment.end()
        ends.append(other.is_closed)
        assert not Locks(one.redis).owner(names.stream_ingest("other"))

    play(url, steps, WEBCAM, replace(WEBCAM, id="other"))
    assert ends == [True]
    assert "ValueError: a fault of ours" in caplog.text


def test_another_sender_takes_the_place_of_the_one_before(url: str) -> None:
    async def steps(one: Desks) -> None:
        first, second = ScriptedSource([CONFIG, picture()]), ScriptedSource([CONFIG, picture()])
        await one.assignment.begin(WEBCAM.id, first)
        await one.until(lambda: one.numbers() == [0])
        await one.assignment.begin(WEBCAM.id, second)
        assert first.is_closed
        await one.until(lambda: one.numbers() == [0, 1])
        assert one.owner() == "host:1:one"
        assert not second.is_closed

    play(url, steps, WEBCAM)


@pytest.mark.parametrize("spec", [None, ("push", "running"), ("webrtc", "stopped")])
def test_a_stream_that_takes_no_sender_refuses_it(url: str, spec: tuple[Any, Any] | None) -> None:
    async def steps(one: Desks) -> None:
        source = ScriptedSource([CONFIG])
        with pytest.raises(StreamNotFed):
            await one.assignment.begin(WEBCAM.id, source)
        assert not source.is_open
        assert not one.owner()

    found = [StreamSpec(WEBCAM.id, "user", spec[0], 1, 0, "m", wanted=spec[1])] if spec else []
    play(url, steps, *found)


def test_a_sender_at_two_ingests_is_read_by_one(url: str) -> None:
    async def steps(one: Desks) -> None:
        other = Desks(url, "host:2:other")
        await one.assignment.begin(WEBCAM.id, ScriptedSource([CONFIG, picture()]))
        with pytest.raises(StreamNotFed, match="another ingest"):
            await other.assignment.begin(WEBCAM.id, ScriptedSource([CONFIG]))
        await other.close()
        assert one.owner() == "host:1:one"

    play(url, steps, WEBCAM)


def test_an_ingest_that_lost_its_lease_stops_and_leaves_the_presence_of_the_next(url: str) -> None:
    async def steps(one: Desks) -> None:
        source = ScriptedSource([CONFIG, picture()])
        await one.assignment.begin(WEBCAM.id, source)
        await one.until(lambda: one.seen() == (StreamState.LIVE, ""))
        locks, name = Locks(one.redis), names.stream_ingest(WEBCAM.id)
        locks.release(name, locks.owner(name) or "")  # as if it had expired, while this process was suspended
        assert locks.acquire(name, "host:2:other:1", 5)
        presence.write(one.redis, WEBCAM.id, IngestPresence("host:2:other", StreamState.CONNECTING, 1.0))
        await one.until(lambda: source.is_closed)
        assert one.owner() == "host:2:other"
        assert one.seen() == (StreamState.CONNECTING, "")

    play(url, steps, WEBCAM)


def test_an_ingest_gives_up_streams_for_one_that_has_come(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balance, "SETTLED_SECONDS", 0)
    with redis.Redis.from_url(url) as client:
        for stream_id in "abcd":
            StreamRegistry(client).publish(StreamSpec(stream_id, "user", "push", 1, time.time(), "m"), b"")
        desk = Desk(client, Membership(client, "host:1:one", ""))
        held = {taken.spec.id: taken.lease for taken in desk.turn({}, {}).taken}
        assert sorted(held) == ["a", "b", "c", "d"]
        assert not desk.turn(held, {}).given_up
        Membership(client, "host:2:other", "").renew(0)
        given_up = desk.turn(held, {}).given_up
        assert len(given_up) == 2
        assert given_up < held.keys()
        assert not desk.turn(held, {}).given_up


def test_a_lease_holds_from_its_last_renewal_on() -> None:
    now = [100.0]
    made = Lease("ingest", "stream", lambda: now[0])
    assert not made.is_held
    made.renewed(made.now())
    now[0] += lease.LEASE_SECONDS - 0.1
    assert made.is_held
    now[0] += 0.2
    assert not made.is_held
    assert Lease("ingest", "stream").owner != made.owner


def test_a_task_that_swallows_a_cancellation_is_ended_all_the_same() -> None:
    async def stubborn() -> None:
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        await asyncio.Event().wait()

    async def steps() -> None:
        task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        await asyncio.wait_for(cancelled(task), 120)
        assert task.cancelled()

    asyncio.run(steps())
