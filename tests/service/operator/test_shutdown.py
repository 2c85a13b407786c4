"""What a service does until it is ended, and as it is ended."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.jobs.test_events import stream
from tests.service.operator.test_heartbeat import check
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.modes import EmbeddedMode
from tests.support.models import tiny_model
from tests.support.servers.webhook_receiver import Receiver
from tests.support.traces.otlp import collected
from tests.support.waiting import until

SERVICES = {"web-detector-api", "web-detector-processor", "web-detector-detector"}


@pytest.fixture(scope="module")
def hanging() -> Iterator[Receiver]:
    """A collector of traces that never answers."""
    ended = threading.Event()
    with Receiver() as collector:
        collector.answer = lambda _: 200 if ended.wait(3600) else 500
        yield collector
        ended.set()


@pytest.fixture(scope="module")
def own(hanging: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A service whose workers touch a file; the last test ends it."""
    folder = tmp_path_factory.mktemp("own")
    settings = {"HEARTBEAT_FILE": folder / "heartbeat", "TRACES_URL": hanging.url, **tiny_model.as_default(folder)}
    with EmbeddedMode().run(folder, **settings) as running:
        assert isinstance(running, Embedded)
        yield running


def test_workers_touch_their_file(own: Embedded) -> None:
    path = Path(own.env["HEARTBEAT_FILE"])
    assert check(path).returncode == 0
    path.unlink()
    until(path.exists)


def test_a_job_does_not_wait_for_a_collector_that_hangs(own: Embedded, hanging: Receiver, sample: Path) -> None:
    client = own.client()
    assert client.detect(sample)["state"] == "succeeded"
    # Whoever took part in it has tried to tell.
    until(lambda: {span.service for span in collected(hanging.calls)} >= SERVICES)


def test_shutdown_ends_the_streams_and_takes_the_file_away(own: Embedded) -> None:
    with stream(own.client()) as events:
        own.process.send_signal(signal.SIGTERM)
        assert list(events) == []
    until(lambda: own.process.poll() is not None, progress=own.output)
    assert own.process.returncode == 0
    assert "Worker shutting down" in own.output()
    assert "Forcing close" not in own.output()
    assert not Path(own.env["HEARTBEAT_FILE"]).exists()
