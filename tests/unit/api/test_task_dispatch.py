"""What requests wait for when the broker does not answer."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import task_dispatch
from api.task_dispatch import Dispatch
from contracts.database.tables import new_id
from contracts.settings.table import Settings
from contracts.workers.celery_app import create_celery

ANSWER_SECONDS = 0.5


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a broker that takes connections and says nothing, as behind a firewall that drops packets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", ["amqp", "redis"])
def test_a_broker_that_does_not_answer_holds_few_requests(
    silent: int, scheme: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(task_dispatch, "_MOMENT_SECONDS", 0.1)
    settings = Settings(broker_url=f"{scheme}://127.0.0.1:{silent}", result_store_url="redis://127.0.0.1:1")
    dispatch = Dispatch(create_celery(settings, answer_seconds=ANSWER_SECONDS))

    def send(_: int) -> float:
        before = time.monotonic()
        dispatch.process_video(new_id())
        return time.monotonic() - before

    with ThreadPoolExecutor(10) as requests:
        taken = list(requests.map(send, range(10)))
    # Told by what each request did, since what it took depends on the machine.
    asked = caplog.text.count("could not send task")
    assert 1 <= asked <= 2, "few ask the broker"
    assert caplog.text.count("is left to the reaper") == 10 - asked, "the others wait for a moment only"
    assert max(taken) < 10
    send(0)
    assert caplog.text.count("is left to the reaper") == 11 - asked, "it is left alone for a while, and not asked"
