"""The thread that writes the results of all streams."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import redis

from contracts.live import keys
from contracts.live.results import FIELD, LiveFrame, decode
from contracts.live.streams import StreamOptions, StreamSpec
from contracts.metrics.totals import Counts
from detector.live.accounts import Accounts
from detector.live.frames import Ready
from detector.live.retention import Retention
from detector.live.writer import Writer
from tests.support.servers.valkey import Valkey
from tests.support.waiting import until

SPEC = StreamSpec("yard", "someone", "push", 1, 0.0, "tiny", StreamOptions())


@pytest.fixture
def client(valkey: Valkey) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(valkey.url.replace("db=1", "db=12")) as client:
        client.flushdb()
        yield client


def ready(stream_id: str, tracks: Any = None) -> Ready:
    """A frame of a stream that is not decoded."""
    owner = SimpleNamespace(
        id=stream_id,
        is_held=True,
        accounts=Accounts(Counts()),
        tracks=tracks,
        retention=Retention(1),
        note_result=lambda _: None,
    )
    return cast(Ready, SimpleNamespace(owner=owner, shown=SimpleNamespace(spec=SPEC)))


class Holding:
    """Tracks of a stream whose first result is not written before it may be."""

    def __init__(self, held: threading.Event) -> None:
        self._held = held

    def open(self, spec: StreamSpec) -> None:
        self._held.wait()

    def numbered(self, frame: LiveFrame, spec: StreamSpec) -> LiveFrame:
        return frame

    def kept(self) -> bytes:
        return b""


class Broken:
    def open(self, spec: StreamSpec) -> None:
        raise ValueError("a fault of ours")


def written(client: "redis.Redis", stream_id: str) -> list[int]:
    """The numbers of the results of a stream."""
    entries: Any = client.xrange(keys.results(stream_id))
    return [decode(fields[FIELD]).number for _, fields in entries]


def test_what_was_written_by_a_try_that_failed_is_not_written_again(
    client: "redis.Redis", caplog: pytest.LogCaptureFixture
) -> None:
    writer, held = Writer(client), threading.Event()
    frames = [LiveFrame(n, n, 64, 48, b"", b"", b"", float(n), 0.0, 1) for n in range(3)]
    client.set(keys.results("gate"), "as if Redis refused what is of this stream")
    writer.put(ready("barn", Holding(held)), frames[0])
    for stream_id, frame in (("yard", frames[0]), ("yard", frames[1]), ("gate", frames[2])):
        writer.put(ready(stream_id), frame)
    held.set()  # they are one batch
    until(lambda: caplog.text.count("next try") >= 2)
    client.delete(keys.results("gate"))
    until(lambda: written(client, "gate") == [2])
    writer.stop()
    assert written(client, "yard") == [0, 1]


def test_a_fault_in_one_batch_ends_no_stream(client: "redis.Redis", caplog: pytest.LogCaptureFixture) -> None:
    writer = Writer(client)
    frames = [LiveFrame(n, n, 64, 48, b"", b"", b"", 0.0, 0.0, 1) for n in range(2)]
    writer.put(ready("gate", Broken()), frames[0])
    while "results are lost" not in caplog.text:
        assert writer._thread.is_alive(), "it has ended"
    writer.put(ready("yard"), frames[1])
    writer.stop()
    assert written(client, "yard") == [1]
