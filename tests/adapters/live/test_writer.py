"""The thread that writes the results of all streams."""

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


class Broken:
    def open(self, spec: StreamSpec) -> None:
        raise ValueError("a fault of ours")


def test_a_fault_in_one_batch_ends_no_stream(client: "redis.Redis", caplog: pytest.LogCaptureFixture) -> None:
    writer = Writer(client)
    frames = [LiveFrame(n, n, 64, 48, b"", b"", b"", 0.0, 0.0, 1) for n in range(2)]
    writer.put(ready("gate", Broken()), frames[0])
    while "results are lost" not in caplog.text:
        assert writer._thread.is_alive(), "it has ended"
    writer.put(ready("yard"), frames[1])
    writer.stop()
    entries: Any = client.xrange(keys.results("yard"))
    assert [decode(fields[FIELD]).number for _, fields in entries] == [1]
