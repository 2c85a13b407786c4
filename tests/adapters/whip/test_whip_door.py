"""WHIP requests through a real Valkey: from the api's call to the session in the ingest, and back."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
import pytest
import redis

from api.live import whip_calls
from api.live.whip_calls import WhipCalls
from contracts.coordination import names
from contracts.coordination.leases import Coordination, Locks, Replies
from contracts.errors import NoIngest, NotFound, OfferRefused, StreamNotFed
from contracts.live import keys
from contracts.live.whip import WhipRequest
from contracts.workers.registration import IngestLoad, register, unregister
from ingest.sources.port import Source, SourceFailed
from ingest.webrtc.door import WhipDoor
from tests.support.live.whip_sender import LOOPBACK, WhipSender
from tests.support.servers.valkey import Valkey
from tests.support.waiting import until

T = TypeVar("T")


class OneStream:
    """Stands for what reads the streams: takes each sender, or refuses it."""

    def __init__(self) -> None:
        self.sources: dict[str, Source] = {}
        self.refusal: StreamNotFed | None = None

    async def begin(self, stream_id: str, source: Source) -> None:
        if self.refusal:
            raise self.refusal
        if before := self.sources.get(stream_id):
            await before.close()
        self.sources[stream_id] = source


@pytest.fixture
def client(valkey: Valkey) -> "redis.Redis":
    return redis.Redis.from_url(valkey.url)


@asynccontextmanager
async def running(url: str, streams: OneStream, *instances: str) -> AsyncIterator[None]:
    """Ingests that do nothing but WHIP."""
    client = redis.Redis.from_url(url)
    doors = [WhipDoor(url, name, LOOPBACK, streams, Coordination(client)) for name in instances]
    tasks = [asyncio.create_task(door.run()) for door in doors]
    for busy, name in enumerate(instances):
        register(client, "ingest", name, msgspec.json.encode(IngestLoad(name, busy)))
    try:
        yield
    finally:
        for name in instances:
            unregister(client, "ingest", name)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for source in streams.sources.values():
            await source.close()


def run(valkey: Valkey, use: Callable[[WhipCalls, OneStream], Awaitable[T]], *instances: str) -> T:
    async def scenario() -> T:
        async with asyncio.timeout(120):  # only there so that a test ends
            streams = OneStream()
            replies = Replies(valkey.url, whip_calls.ANSWER_SECONDS)
            async with running(valkey.url, streams, *instances):
                try:
                    return await use(WhipCalls(redis.Redis.from_url(valkey.url), replies), streams)
                finally:
                    await replies.close()

    return asyncio.run(scenario())


def test_an_offer_becomes_a_connected_source_and_its_end_the_sources_end(valkey: Valkey) -> None:
    async def use(calls: WhipCalls, streams: OneStream) -> str:
        async with WhipSender() as sender:
            begun = await calls.offer("stream", await sender.offer())
            await sender.take(begun.sdp)
            source = streams.sources["stream"]
            await source.open()
            sender.send()
            await source.read()
            await source.read()
            with pytest.raises(NotFound):
                await calls.end("other", begun.session)
            await calls.end("stream", begun.session)
            with pytest.raises(SourceFailed) as caught:
                await source.read()
            await source.close()
            with pytest.raises(NotFound):
                await calls.end("stream", begun.session)
            return str(caught.value)

    assert run(valkey, use, "one:1:a") == "the sender has ended the session: begin to send again"


def test_a_second_offer_goes_to_the_ingest_that_has_the_stream_and_replaces_the_first(
    valkey: Valkey, client: "redis.Redis"
) -> None:
    async def use(calls: WhipCalls, streams: OneStream) -> tuple[str, str]:
        async with WhipSender() as first, WhipSender() as second:
            before = await calls.offer("stream", await first.offer())
            lock = names.stream_ingest("stream")
            Locks(client).acquire(lock, "two:1:b:7", 5)  # of an ingest that has more to do
            after = await calls.offer("stream", await second.offer())
            Locks(client).release(lock, "two:1:b:7")
            await second.take(after.sdp)
            await streams.sources["stream"].open()
            return before.session, after.session

    before, after = run(valkey, use, "one:1:a", "two:1:b")
    assert before.partition(".")[2] != after.partition(".")[2]


def test_what_the_ingest_refuses_is_the_same_error_here_and_leaves_nothing(valkey: Valkey) -> None:
    async def use(calls: WhipCalls, streams: OneStream) -> None:
        with pytest.raises(OfferRefused, match="single video"):
            await calls.offer("stream", "v=0\r\n")
        streams.refusal = StreamNotFed("the stream is stopped")
        async with WhipSender() as sender:
            with pytest.raises(StreamNotFed, match="stopped"):
                await calls.offer("stream", await sender.offer())
        while len(asyncio.all_tasks()) > 2:  # this one and the door's
            await asyncio.sleep(0.01)

    run(valkey, use, "one:1:a")


def test_without_an_ingest_it_is_said_so(valkey: Valkey) -> None:
    async def use(calls: WhipCalls, _: OneStream) -> None:
        with pytest.raises(NoIngest, match="start one"):
            await calls.offer("stream", "v=0\r\n")
        for session in ("0.x", "0." + "é", "0", ""):
            with pytest.raises(NotFound):
                await calls.end("stream", session)

    run(valkey, use)


def test_an_ingest_that_does_not_answer_is_said_so(
    valkey: Valkey, client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whip_calls, "ANSWER_SECONDS", 1)
    register(client, "ingest", "hung:1:a", msgspec.json.encode(IngestLoad("hung:1:a")))

    async def use(calls: WhipCalls, _: OneStream) -> None:
        with pytest.raises(NoIngest, match="in time"):
            await calls.offer("stream", "v=0\r\n")

    run(valkey, use)
    unregister(client, "ingest", "hung:1:a")
    until(lambda: not client.exists(keys.whip_requests("hung:1:a")))  # it expires


def test_an_offer_after_the_kill_of_an_ingest_goes_to_another_one(valkey: Valkey, client: "redis.Redis") -> None:
    """The killed one has the stream until its lock expires, and is registered for longer."""
    register(client, "ingest", "killed:1:a", msgspec.json.encode(IngestLoad("killed:1:a")))
    lock = names.stream_ingest("stream")
    Locks(client).acquire(lock, "killed:1:a:7", 60)

    async def use(calls: WhipCalls, _: OneStream) -> str:
        async with WhipSender() as sender:
            begun = asyncio.create_task(calls.offer("stream", await sender.offer()))
            while not client.llen(keys.whip_requests("killed:1:a")):
                await asyncio.sleep(0.01)
            Locks(client).release(lock, "killed:1:a:7")
            session = (await begun).session
            return base64.b64decode(session.partition(".")[2] + "==").decode()

    assert run(valkey, use, "other:1:b") == "other:1:b"
    assert not client.exists(keys.whip_requests("killed:1:a")), "it was withdrawn"
    unregister(client, "ingest", "killed:1:a")


def test_requests_that_nobody_waits_for_or_can_read_are_left_alone(valkey: Valkey, client: "redis.Redis") -> None:
    async def use(calls: WhipCalls, _: OneStream) -> None:
        key = keys.whip_requests("one:1:a")
        late = WhipRequest("offer", "stream", "late", time.time() - 1, "v=0\r\n")
        client.rpush(key, b"\xc1", msgspec.msgpack.encode(late))
        with pytest.raises(OfferRefused):  # it goes on
            await calls.offer("stream", "v=0\r\n")

    run(valkey, use, "one:1:a")
    assert not client.exists("wd:reply:whip:late")
