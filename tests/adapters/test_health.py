"""Liveness and readiness of the api, and requests while its database is busy: the application without a server."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import redis

from api.context import context
from api.readiness import Readiness
from api.routes import status
from contracts.workers.registration import WORKERS, register

FLASK_THREADS = 10


@asynccontextmanager
async def client_of(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        yield client


def run(app: Any, steps: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def main() -> None:
        async with client_of(app) as client:
            await steps(client)

    asyncio.run(main())


def test_liveness_waits_for_no_thread(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, held = threading.Event(), threading.Semaphore(0)

    def hang(_client: object) -> dict[str, Any]:
        held.release()
        go_on.wait(60)
        return {}

    async def steps(client: httpx.AsyncClient) -> None:
        monkeypatch.setattr(status, "loaded_models", hang)
        hanging = [asyncio.create_task(client.get("/api/v1/models")) for _ in range(FLASK_THREADS + 2)]
        for _ in range(FLASK_THREADS):
            assert await asyncio.to_thread(held.acquire, timeout=30)
        try:
            answer = await asyncio.wait_for(client.get("/healthz"), 5)
            ready = await asyncio.wait_for(client.get("/readyz"), 5)
        finally:
            go_on.set()
        assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
        assert ready.status_code == 200
        assert {one.status_code for one in await asyncio.gather(*hanging)} == {200}

    run(app, steps)


def test_a_used_up_pool_is_answered_with_503_and_retry_after(app: Any) -> None:
    async def steps(client: httpx.AsyncClient) -> None:
        with ExitStack() as stack:
            for _ in range(15):  # SQLAlchemy's pool and its overflow
                stack.enter_context(context.current().engine.connect())
            body = {"username": "nobody", "password": "correct horse battery"}
            answer = await client.post("/api/v1/auth/login", json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0

    run(app, steps)


def test_readiness_is_asked_once_a_second_without_scans_and_new_connections(app: Any) -> None:
    with redis.Redis.from_url(context.current().settings.coordination_url) as server:
        register(server, "detector", "one")

        def seen() -> dict[str, int]:
            calls = {name: stats["calls"] for name, stats in server.info("commandstats").items()}
            counted = {name: calls.get(f"cmdstat_{name}", 0) for name in ("scan", "keys", "eval")}
            return {**counted, "connections": server.info("stats")["total_connections_received"]}

        async def steps(client: httpx.AsyncClient) -> None:
            await asyncio.sleep(1.1)  # of what an earlier test asked
            answer = await client.get("/readyz")
            assert answer.json() == {
                "status": "ready",
                "checks": dict.fromkeys(("database", "result_store", "broker", "redis"), "ok"),
                "workers": {**dict.fromkeys(WORKERS, 0), "detector": 1},
            }
            before = seen()
            await asyncio.sleep(1.1)
            answers = await asyncio.gather(*(client.get("/readyz") for _ in range(50)))
            assert {one.status_code for one in answers} == {200}
            assert seen() == {**before, "eval": before["eval"] + 1}

        run(app, steps)


def test_a_server_that_hangs_is_reported_and_not_asked_again_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.readiness._WAIT_SECONDS", 0.1)
    monkeypatch.setattr("api.readiness._KEEP_SECONDS", 0.0)
    go_on, asked = threading.Event(), []

    def hang() -> None:
        asked.append(time.monotonic())
        go_on.wait(60)

    def refuse() -> None:
        raise ConnectionRefusedError

    async def main() -> None:
        readiness = Readiness({"database": hang, "broker": refuse}, lambda: {"detector": 2})
        for _ in range(3):
            report = await readiness.report()
        assert report == {
            "status": "unavailable",
            "checks": {"database": "failed: TimeoutError", "broker": "failed: ConnectionRefusedError", "redis": "ok"},
            "workers": {"detector": 2},
        }
        assert len(asked) == 1
        go_on.set()

    asyncio.run(main())
