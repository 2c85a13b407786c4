"""The api as one process of gunicorn, on tables and a Redis of the test; nothing else runs."""

import os
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import argon2
import httpx
import psutil
import redis
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.access.passwords import hashed
from contracts.database.engine import open_database
from contracts.database.tables import Base, Stream, User, utcnow
from tests.support.deployments.service import ROOT, free_port
from tests.support.live.live_stream import H264, LiveStream
from tests.support.live.websocket import WebSocket
from tests.support.servers.valkey import Valkey

_SECONDS = 120
_QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class LiveApi:
    """It runs for the length of a context. pid: of the worker."""

    def __init__(self, valkey: Valkey, folder: Path, *, database: int = 7, **settings: str) -> None:
        """database: number of the one in Redis."""
        self.port = free_port()
        self._database = str(database)
        url = valkey.url.replace("db=1", f"db={database}")
        self._environ = {
            "DATA_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{folder / 'web-detector.sqlite'}",
            "BROKER_URL": valkey.broker_url,
            "RESULT_STORE_URL": url,
            "JWT_SECRET_KEY": "x" * 64,
            "MODELS_DIR": str(folder / "models"),
            **settings,
        }
        self.redis = redis.Redis.from_url(url)
        self.engine: Engine = open_database(self._environ["DATABASE_URL"])
        Base.metadata.create_all(self.engine)
        self._log = folder / "api.log"
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=30)

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "gunicorn", "-k", "api.gunicorn_worker.Worker", "--no-control-socket"]
        # Longer than clients keep idle connections.
        command += ["--graceful-timeout", "10", "--keep-alive", "7"]
        command += ["--bind", f"127.0.0.1:{self.port}", "api.asgi:create()"]
        with self._log.open("wb") as log:
            environ = {"PATH": os.environ["PATH"], **self._environ}
            self.server = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                assert self.http.get("/healthz").status_code == 200
                break
            except httpx.TransportError:
                assert self.server.poll() is None, self.log()
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.05)
        (self.worker,) = psutil.Process(self.server.pid).children()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.http.close()
        self.engine.dispose()
        self.redis.close()

    def stop(self) -> int:
        """End it as a service manager does; its exit code."""
        self.server.terminate()
        return self.server.wait(_SECONDS)

    def log(self) -> str:
        """What it said."""
        return self._log.read_text()

    def readers(self) -> int:
        """How many of its connections wait for packets or results now."""
        return sum(one["cmd"] == "xread" and one["db"] == self._database for one in self.redis.client_list())

    def user(self) -> "Watcher":
        """A new user, logged in."""
        name, password = f"user-{uuid.uuid4().hex[:8]}", "correct-horse-battery"
        with Session(self.engine) as session, session.begin():
            user = User(username=name, password_hash=hashed(password, _QUICK))
            session.add(user)
            session.flush()
            user_id = user.id
        answer = self.http.post("/api/v1/auth/login", json={"username": name, "password": password})
        return Watcher(self, user_id, answer.raise_for_status().json()["access_token"])


class Watcher:
    """A user of the api. token: an access token."""

    def __init__(self, api: LiveApi, user_id: str, token: str) -> None:
        self.api, self.id, self.token = api, user_id, token

    def stream(self, config: Any = H264, **values: Any) -> LiveStream:
        """A new stream of theirs."""
        return LiveStream(self.api.redis, self.add(**values), config)

    def add(self, **values: Any) -> str:
        """A row of a new stream; its id."""
        with Session(self.api.engine) as session, session.begin():
            started = utcnow() - timedelta(minutes=1)
            fields: dict[str, Any] = {"name": "x", "kind": "push", "model": "nanodet-g", "options": {}}
            row = Stream(**({"user_id": self.id, "started_at": started} | fields | values))
            session.add(row)
            session.flush()
            stream_id: str = row.id
        return stream_id

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask the api. path: after /api/v1."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.api.http.request(method, f"/api/v1{path}", headers=headers, **options)

    def watch(self, stream: LiveStream | str, port: int | None = None, **options: Any) -> WebSocket:
        """A WebSocket that has not said what it wants. port: that of a gateway."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return WebSocket(port or self.api.port, ws_path(stream), headers, **options)


def ws_path(stream: LiveStream | str) -> str:
    """Of the WebSocket of a stream, or of one with an id."""
    return f"/api/v1/streams/{stream if isinstance(stream, str) else stream.id}/ws"
