"""How often one user may ask, how long a connection may say nothing, and which other pages may ask."""

import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import anyio
import httpx
import pytest
import redis

from api.access.rate_limit import Rates
from api.gunicorn_worker import HEADERS_SECONDS
from contracts.errors import TooManyRequests
from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import Client, Service
from tests.support.models import tiny_model
from tests.support.servers.valkey import Valkey
from tests.support.user_admin import make_admin

PER_MINUTE = 30
USERS_PER_MINUTE = 15
ORIGIN = "https://example.org"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {
        "RATE_REQUESTS_PER_MINUTE": PER_MINUTE, "CORS_ORIGINS": f"{ORIGIN},http://localhost:3000",
        "REGISTRATIONS_PER_ADDRESS": USERS_PER_MINUTE, "TRUSTED_PROXIES": "127.0.0.0/8",
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("own")
    with EmbeddedMode().run(folder, **settings, **tiny_model.as_default(folder)) as running:
        yield running


def test_rate_limit_applies_per_user(own: Service) -> None:
    client, other = own.client(), own.client()
    left = []
    for _ in range(PER_MINUTE * 3):
        answer = client.request("GET", "/jobs")
        if answer.status_code != 200:
            break
        assert answer.headers["ratelimit-limit"] == str(PER_MINUTE)
        left.append(int(answer.headers["ratelimit-remaining"]))
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert left[0] == PER_MINUTE - 1
    assert left[-1] == 0
    assert 0 < int(answer.headers["retry-after"]) <= 60
    # What never reaches Flask is counted with all others.
    for _ in range(PER_MINUTE * 3):
        if client.request("POST", "/videos", content=b"x", headers={"Content-Type": "text/plain"}).status_code == 429:
            break
    else:
        raise AssertionError("uploads are not counted")
    other.call("GET", "/jobs", 200)
    assert httpx.get(f"{own.url}/healthz").status_code == 200


def test_registrations_are_limited_per_address(own: Service) -> None:
    address = "203.0.113.9"
    answers: list[httpx.Response] = []
    while not answers or answers[-1].status_code == 201:
        client = Client(own.url)
        client.http.headers["X-Forwarded-For"] = address
        body = {"username": f"user-{uuid.uuid4().hex[:8]}", "password": "correct-horse-battery"}
        answers.append(client.request("POST", "/auth/register", json=body))
        assert len(answers) <= 2 * USERS_PER_MINUTE + 1  # a window may have ended on the way
    assert len(answers) > USERS_PER_MINUTE
    assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "too_many_registrations")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    client.problem("POST", "/auth/register", 429, "too_many_registrations", json=body)
    client.problem("POST", "/auth/login", 401, "unauthenticated", json=body)
    admin = make_admin(own, own.client())  # from another address
    noted = admin.call("GET", "/audit", 200, params={"action": "registration"})["items"]
    assert [(event["action"], event["user_id"], event["address"]) for event in noted] == [
        ("registration.throttled", None, address)
    ]


def test_rate_limit_window_slides(valkey: Valkey) -> None:
    """The counter alone, over its own clock: what the last minute held counts by the share that is still in it."""

    async def taken(rates: Rates) -> int:
        for count in range(1000):
            try:
                await rates.take("somebody")
            except TooManyRequests:
                return count
        raise AssertionError("nobody counts")

    async def run() -> None:
        rates = Rates(valkey.url, 100)
        assert await taken(rates) == 100
        client = redis.Redis.from_url(valkey.url)
        begun = int(client.hget("wd:rate:somebody", "begun") or b"")
        # As if it had all been in the minute before.
        client.hset("wd:rate:somebody", mapping={"begun": begun - 1, "count": 100, "before": 0})
        now = client.time()
        gone = (now[0] + now[1] / 1e6) / 60 % 1
        assert abs(await taken(rates) - 100 * gone) <= 5
        client.hset("wd:rate:somebody", mapping={"begun": begun - 2, "count": 100, "before": 100})
        assert await taken(rates) == 100
        await rates.close()

    anyio.run(run)


def test_rate_limit_allows_requests_when_redis_is_down() -> None:
    async def run() -> None:
        rates = Rates("redis://127.0.0.1:1/0", 1)
        assert await rates.take("somebody") is None
        await rates.close()

    anyio.run(run)


def test_cors_allows_only_configured_origins(own: Service) -> None:
    ask = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization,upload-offset"}
    answer = httpx.options(f"{own.url}/api/v1/uploads/x", headers={"Origin": ORIGIN, **ask})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "credentials" not in str(answer.headers)
    answer = httpx.get(f"{own.url}/api/v1/models", headers={"Origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "RateLimit-Remaining" in answer.headers["access-control-expose-headers"]
    for origin in ("https://evil.example", "https://example.org.evil.example", "null"):
        answer = httpx.get(f"{own.url}/api/v1/models", headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers


def test_cors_is_disabled_by_default(service: Service) -> None:
    answer = httpx.get(f"{service.url}/api/v1/models", headers={"Origin": ORIGIN})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_idle_and_slow_connections_are_closed_and_block_nobody(own: Service) -> None:
    """Slow-loris: headers a letter at a time, and none at all; and a body that stands still."""
    client = own.client()
    token = client.tokens["access_token"]
    with ExitStack() as stack:
        still = stack.enter_context(socket.create_connection(("127.0.0.1", own.port), timeout=120))
        lines = (
            "POST /api/v1/videos HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {token}",
            "Content-Length: 1000",
        )
        still.sendall("\r\n".join((*lines, "Content-Type: video/mp4", "", "")).encode() + b"some of it")
        opened = time.monotonic()
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", own.port), timeout=60)) for _ in range(300)]
        for number, connection in enumerate(slow):
            if number % 2:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
        assert httpx.get(f"{own.url}/healthz", timeout=30).status_code == 200
        begun = time.monotonic()
        ended: set[int] = set()
        while len(ended) < len(slow):
            assert time.monotonic() - begun < HEADERS_SECONDS + 60, f"{len(slow) - len(ended)} are still open"
            for number, connection in enumerate(slow):
                if number not in ended and is_ended(connection, b"a" if number % 2 else b""):
                    ended.add(number)
            time.sleep(0.5)
        assert time.monotonic() - opened > HEADERS_SECONDS / 2  # they had some time
        assert still.recv(100).startswith(b"HTTP/1.1 400")
        assert own.stored_files() == []
        assert httpx.get(f"{own.url}/healthz", timeout=30).status_code == 200


def is_ended(connection: socket.socket, letter: bytes) -> bool:
    """Whether the server has closed it; else one more letter is sent."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        pass
    except ConnectionError:
        return True
    try:
        connection.send(letter) if letter else None
    except ConnectionError:
        return True
    return False
