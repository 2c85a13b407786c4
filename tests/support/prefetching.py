"""A worker that asks for its next message when told to, on any broker: see tests/support/prefetching_worker.py."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psutil
import redis

from contracts.settings.table import Settings
from contracts.wire.tasks import DETECT_CHUNK
from contracts.workers.celery_app import create_celery
from tests.support.processes import children
from tests.support.waiting import until


class Worker:
    """Runs in the context `running`. waiting: how many messages of its queues nobody holds."""

    def __init__(
        self, broker: str, store: str, waiting: Callable[[], int], queues: Sequence[str] = ("detector",)
    ) -> None:
        self.client = redis.Redis.from_url(store, socket_timeout=90)
        self.waiting = waiting
        self._app = create_celery(Settings(broker_url=broker, result_store_url=store))
        self._command = [sys.executable, "-m", "tests.support.prefetching_worker", broker, store, *queues]

    @contextmanager
    def running(self) -> Iterator[None]:
        """It ends with the context, whether it wants to or not."""
        self.process = subprocess.Popen(self._command)
        try:
            yield
        finally:
            self.process.kill()
            self.process.wait()
            self.client.close()
            self._app.close()

    def hears(self, *said: str) -> None:
        for expected in said:
            assert self.hear() == expected

    def hear(self) -> str:
        got: Any = self.client.blpop(["said"], 60)
        assert got is not None, "nothing is said"
        return str(got[1].decode())

    def send(self, numbers: Iterable[int], name: str = DETECT_CHUNK, **options: Any) -> None:
        for number in numbers:
            self._app.send_task(name, (number,), **options)

    def tell(self, *what: str) -> None:
        self.client.rpush("do", *what)


def check_one_more_is_taken_and_given_back(worker: Worker) -> None:
    """For any broker. worker: has begun the first of four messages; it is stopped."""
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
    until(lambda: worker.waiting() == 2)  # what it held and had not begun


def check_a_killed_child_loses_no_message(worker: Worker) -> None:
    """For any broker. worker: has begun the first of four messages."""
    worker.tell("ask")
    worker.hears("next 1")
    [child] = children(psutil.Process(worker.process.pid))
    os.kill(child.pid, signal.SIGKILL)
    worker.hears("begun 1")
    worker.tell("end")
    worker.hears("ended 1")
    worker.tell("end", "end", "end")
    done = {worker.hear() for _ in range(6)}
    assert {"ended 0", "ended 2", "ended 3"} <= done
