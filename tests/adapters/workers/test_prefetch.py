"""A real worker takes one message more when its child asks, and gives it back when it is stopped or killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from contracts.settings.table import Settings
from contracts.wire.tasks import DETECT_CHUNK
from contracts.workers.celery_app import create_celery
from tests.support.servers.valkey import Valkey


class Worker:
    """A worker with four messages in its queue, the first of which it has begun."""

    def __init__(self, valkey: Valkey) -> None:
        self.client = redis.Redis.from_url(valkey.url, socket_timeout=90)
        self.broker = redis.Redis.from_url(valkey.url.replace("db=1", "db=0"))
        self._app = create_celery(Settings(broker_url=valkey.broker_url, result_store_url=valkey.url))
        self.send(range(4))
        command = [sys.executable, "-m", "tests.support.prefetching_worker", valkey.broker_url, valkey.url]
        self.process = subprocess.Popen(command)
        self.hears("begun 0")

    def hears(self, *said: str) -> None:
        for expected in said:
            assert self.hear() == expected

    def hear(self) -> str:
        got: Any = self.client.blpop(["said"], 60)
        assert got is not None, "nothing is said"
        return str(got[1].decode())

    def send(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._app.send_task(DETECT_CHUNK, (number,))

    def tell(self, *what: str) -> None:
        self.client.rpush("do", *what)

    def waiting(self) -> int:
        """Messages that nobody holds."""
        return int(self.broker.llen("detector"))  # type: ignore[arg-type]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    with Valkey(tmp_path) as valkey:
        made = Worker(valkey)
        try:
            yield made
        finally:
            made.process.kill()
            made.process.wait()


def test_one_message_more_is_taken_when_it_is_asked_for_and_given_back_at_the_stop(worker: Worker) -> None:
    assert worker.waiting() == 3, "it holds the one in hand alone"
    worker.tell("ask")
    worker.hears("next 1")
    assert worker.waiting() == 2
    worker.tell("end")
    worker.hears("ended 0", "begun 1")
    assert worker.waiting() == 2, "one question, one message"
    worker.tell("ask")
    worker.hears("next 2")
    worker.process.terminate()
    worker.tell("end")
    worker.hears("ended 1")
    assert worker.process.wait(60) == 0
    assert worker.waiting() == 2, "what it held and had not begun"
    assert not worker.broker.hlen("unacked")


def test_a_child_that_is_killed_loses_neither_of_its_two_messages(worker: Worker) -> None:
    worker.tell("ask")
    worker.hears("next 1")
    [child] = [one for one in psutil.Process(worker.process.pid).children() if one.is_running()]
    os.kill(child.pid, signal.SIGKILL)
    worker.hears("begun 1")
    worker.tell("end")
    worker.hears("ended 1")
    worker.tell("end", "end", "end")
    done = {worker.hear() for _ in range(6)}
    assert {"ended 0", "ended 2", "ended 3"} <= done


def test_a_question_that_nothing_answered_is_withdrawn_with_its_chunk(worker: Worker) -> None:
    worker.tell("end", "end", "end")
    worker.hears("ended 0", "begun 1", "ended 1", "begun 2", "ended 2", "begun 3")
    worker.tell("ask", "end")
    worker.hears("ended 3")
    worker.send(range(4, 7))
    worker.hears("begun 4")
    assert worker.waiting() == 2
