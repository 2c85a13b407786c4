"""A real Valkey server for tests, the very one that embedded mode starts."""

import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType

import redis

from cli.embedded.valkey import SOCKET_NAME, broker_url, command, socket_folder, store_url

_STARTING_SECONDS = 60


class Valkey:
    """A server for the length of a context, with its file in `data`. url is for redis-py, broker_url for Celery."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def __enter__(self) -> "Valkey":
        self._folder = socket_folder()
        self.url, self.broker_url = store_url(self._folder), broker_url(self._folder)
        self._start()
        return self

    def restart(self, *, empty: bool) -> None:
        """Kill it and start it again. empty: it has lost its file."""
        self._server.kill()
        self._server.wait(timeout=10)
        if empty:
            shutil.rmtree(self._data / "appendonlydir")
        self._start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.terminate()
        self._server.wait(timeout=10)
        (self._folder / SOCKET_NAME).unlink(missing_ok=True)
        self._folder.rmdir()

    def _start(self) -> None:
        with (self._data / "valkey.log").open("ab") as log:
            self._server = subprocess.Popen(command(self._folder, self._data), stdout=log, stderr=log)
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + _STARTING_SECONDS
        with redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.RedisError:
                    assert self._server.poll() is None, "valkey ended"
                    assert time.monotonic() < end, "valkey does not answer"
                    time.sleep(0.02)
