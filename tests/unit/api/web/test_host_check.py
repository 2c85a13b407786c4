"""For which hosts requests are answered: pages of other sites cannot use the service by a name of theirs."""

import asyncio

import msgspec
import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.web.host_check import HostCheck
from contracts.settings.load import load

RUNNING = {
    "JWT_SECRET_KEY": "k" * 40, "DATABASE_URL": "sqlite:///x", "BROKER_URL": "redis://x", "RESULT_STORE_URL": "redis://x",
}  # fmt: skip
ADDRESSES = ("127.0.0.1:8080", "192.168.1.7", "[::1]:8080", "localhost", "LOCALHOST:8080")


def asked(host: str, **settings: str) -> tuple[int, bytes]:
    """The status and body of a request with this Host header."""
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response()(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    check = HostCheck(app, load("api", {**RUNNING, **settings}).served_hosts)
    headers = [(b"host", host.encode())] if host else []
    asyncio.run(check({"type": "http", "path": "/", "method": "GET", "headers": headers}, receive, send))
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize(
    "host", ["rebound.example:8080", "localhost.example", "127.0.0.1.example", "api", "[evil]", " "]
)
def test_on_loopback_other_names_are_refused_with_the_setting(host: str) -> None:
    status, body = asked(host)
    assert (status, msgspec.json.decode(body)["code"]) == (421, "wrong_host")
    assert b"ALLOWED_HOSTS" in body


@pytest.mark.parametrize("host", [*ADDRESSES, ""])
def test_addresses_and_localhost_are_served_always(host: str) -> None:
    assert asked(host)[0] == asked(host, HOST="0.0.0.0", ALLOWED_HOSTS="video.example.org")[0] == 200  # noqa: S104


def test_named_hosts_are_served_and_others_refused_at_any_address() -> None:
    named = {"ALLOWED_HOSTS": "Video.example.org, api", "HOST": "::"}
    assert [asked(host, **named)[0] for host in ("video.example.org:443", "VIDEO.EXAMPLE.ORG.", "api")] == [200] * 3
    assert asked("example.org", **named)[0] == 421


def test_any_name_is_served_where_the_operator_says_so_or_beyond_loopback() -> None:
    assert asked("any.example", ALLOWED_HOSTS="*")[0] == 200
    assert asked("any.example", HOST="0.0.0.0")[0] == 200  # noqa: S104
