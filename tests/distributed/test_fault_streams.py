"""The servers ended under a running stream, and started again: detection and recording go on by themselves."""

import signal
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
import redis

from contracts.live import keys, results
from contracts.live.streams import TICKS_PER_SECOND
from tests.support.deployments.breakable import Faulty, Patient
from tests.support.deployments.deployment import Deployment
from tests.support.servers.debian import Server
from tests.support.waiting import until

pytestmark = [pytest.mark.distributed, pytest.mark.long]


@pytest.fixture(scope="module")
def own(faulty: Faulty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with faulty.run(tmp_path_factory.mktemp("own"), DETECTOR_WORKERS=1) as deployment:
        yield deployment


@pytest.fixture
def stream(patient: Patient, video: Any) -> Iterator[str]:
    """A recorded stream with results; afterwards its recordings must be filed, with their frames."""
    body = {"name": "Gate", "kind": "video", "video_id": video["id"], "record": {"minutes": 1}}
    made: str = patient.call("POST", "/streams", 201, json=body)["id"]
    until(lambda: patient.call("GET", f"/streams/{made}", 200)["live"]["recording"], 60)
    until(lambda: patient.call("GET", f"/streams/{made}/results", 200)["frames"], 60)
    yield made
    patient.call("POST", f"/streams/{made}/stop", 202)

    def recordings() -> Any:
        return patient.call("GET", f"/streams/{made}/recordings", 200)["items"]

    until(lambda: recordings() and all(one["state"] == "filed" for one in recordings()), 90, progress=recordings)
    assert all(one["frames"] > 0 for one in recordings())
    patient.call("DELETE", f"/streams/{made}", 204)


def newest(own: Deployment, stream: str) -> bytes:
    """The newest result's id in Redis."""
    with redis.Redis.from_url(own.settings().result_store_url) as client:
        found: Any = client.xrevrange(keys.results(stream), count=1)
        return bytes(found[0][0]) if found else b""


def times_since(own: Deployment, stream: str, entry: bytes) -> list[float]:
    """The times of the results from an entry on, in seconds of the stream's clock."""
    with redis.Redis.from_url(own.settings().result_store_url) as client:
        found: Any = client.xrange(keys.results(stream), entry)
    return [results.decode(fields[results.FIELD]).pts / TICKS_PER_SECOND for _, fields in found]


def passed(times: Sequence[float]) -> float:
    return times[-1] - times[0]


@pytest.mark.parametrize("name", ["rabbitmq", "postgres"])
def test_detection_does_not_notice_a_broker_or_database_that_is_away(
    own: Deployment, faulty: Faulty, stream: str, name: str
) -> None:
    server: Server = getattr(faulty.servers, name)
    server.stop(signal.SIGKILL if name == "rabbitmq" else signal.SIGQUIT)
    try:
        before = newest(own, stream)
        until(lambda: passed(times_since(own, stream, before)) >= 6, progress=lambda: newest(own, stream))
        times = times_since(own, stream, before)
        # On the stream's own clock: where the machine stands still, so does the camera.
        assert max(later - earlier for earlier, later in pairwise(times)) < 5
    finally:
        server.start_again().wait()


def test_results_go_on_after_a_restart_of_redis(own: Deployment, faulty: Faulty, stream: str, patient: Patient) -> None:
    before = newest(own, stream)
    faulty.servers.redis.stop(signal.SIGKILL)
    faulty.servers.redis.start_again().wait()
    until(lambda: newest(own, stream) > before, 30)
    until(lambda: patient.call("GET", f"/streams/{stream}", 200)["state"] == "live", 30)
