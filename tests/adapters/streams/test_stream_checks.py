"""What `web-detector doctor` says of live streams."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import redis

from contracts.live import presence
from contracts.live.presence import DetectorPresence, IngestPresence
from contracts.live.registry import StreamRegistry
from contracts.live.streams import Reason, StreamSpec, StreamState
from contracts.settings.table import Settings
from contracts.workers.registration import IngestLoad, register
from processor.operator.doctor_checks import CheckFailed
from processor.operator.stream_checks import streams
from tests.support.servers.valkey import Valkey


class Bench:
    """A Redis with streams and what is said of them."""

    def __init__(self, url: str) -> None:
        self.redis = redis.Redis.from_url(url)
        self.redis.flushdb()
        self.settings = Settings(result_store_url=url)

    def add(self, name: str, kind: Any = "rtsp", wanted: Any = "running") -> None:
        spec = StreamSpec(name, "user", kind, 1, 0.0, "model", wanted=wanted)
        StreamRegistry(self.redis).publish(spec, b"")

    def say(self, name: str, state: StreamState, detector: DetectorPresence | None = None, reason: str = "") -> None:
        presence.write(self.redis, name, IngestPresence("one", state, 0.0, reason))
        if detector:
            presence.write(self.redis, name, detector)

    def ingest(self, **values: Any) -> None:
        load = IngestLoad("one", **{"has_stream_key": True, **values})
        register(self.redis, "ingest", "one", msgspec.json.encode(load))

    def problem(self) -> CheckFailed:
        with pytest.raises(CheckFailed) as failure:
            streams(self.settings)
        assert not failure.value.bad  # jobs work all the same
        return failure.value


@pytest.fixture
def bench(valkey: Valkey) -> Iterator[Bench]:
    made = Bench(valkey.url.replace("db=1", "db=7"))
    yield made
    made.redis.flushdb()
    made.redis.close()


def test_streams_that_are_analysed_or_wait_for_their_sender_are_good(bench: Bench) -> None:
    assert streams(bench.settings) == "0 running"
    bench.ingest(udp_ports="50000-50001", udp_room=2)
    bench.add("a")
    bench.add("b", "push")
    bench.add("c", wanted="stopped")
    bench.say("a", StreamState.LIVE, DetectorPresence("two"))
    bench.say("b", StreamState.CONNECTING, reason=Reason.WAITING_FOR_SENDER)
    said = streams(bench.settings)
    assert said == "2 running: 1 connecting (waiting_for_sender), 1 live; UDP ports for WebRTC: 50000-50001"


@pytest.mark.parametrize(
    ("state", "reason", "detector", "says"),
    [
        (None, "", None, "a is without an ingest"),
        (StreamState.FAILED, Reason.UNAUTHORIZED, None, "a is failed (unauthorized)"),
        (StreamState.LIVE, "", None, "a is live without a detector"),
        (StreamState.LIVE, "", DetectorPresence("two", error="model_broken"), "a is live (model_broken)"),
    ],
)
def test_a_stream_that_is_not_read_or_not_analysed_is_named(
    bench: Bench, state: StreamState | None, reason: str, detector: DetectorPresence | None, says: str
) -> None:
    bench.ingest()
    bench.add("a")
    if state:
        bench.say("a", state, detector, reason)
    assert says in bench.problem().advice


def test_an_ingest_without_the_key_or_with_too_few_ports_is_named(bench: Bench) -> None:
    bench.ingest(has_stream_key=False)
    assert "STREAM_SECRET_KEY" in bench.problem().advice
    bench.ingest(udp_ports="50000-50000", udp_room=1)
    for name in ("a", "b"):
        bench.add(name, "webrtc")
        bench.say(name, StreamState.LIVE, DetectorPresence("two"))
    assert "WEBRTC_UDP_PORTS" in bench.problem().advice
