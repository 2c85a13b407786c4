"""What the outermost middleware adds to responses."""

import asyncio

import pytest
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.web.security_headers import SecurityHeaders


def headers_of(path: str, **own: str) -> Headers:
    """The headers of a response at this path that has set `own` itself."""
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(headers={name.replace("_", "-"): value for name, value in own.items()})(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(SecurityHeaders(app)({"type": "http", "path": path}, receive, send))
    return Headers(raw=sent[0]["headers"])


@pytest.mark.parametrize("path", ["/api/v1/auth/me", "/api/v1/jobs", "/api/v1/tokens", "/api/v2/none"])
def test_browsers_keep_no_response_of_the_api(path: str) -> None:
    headers = headers_of(path)
    assert headers["cache-control"] == "no-store"
    assert headers["vary"] == "Authorization, Cookie"


def test_a_response_that_may_be_kept_depends_on_who_asks() -> None:
    headers = headers_of("/api/v1/jobs/1/results", cache_control="private, no-cache", vary="Accept, Accept-Encoding")
    assert headers["cache-control"] == "private, no-cache"
    assert headers["vary"] == "Accept, Accept-Encoding, Authorization, Cookie"


@pytest.mark.parametrize("path", ["/", "/docs/", "/healthz"])
def test_other_responses_are_cached_as_they_say(path: str) -> None:
    assert "cache-control" not in headers_of(path)
    assert "vary" not in headers_of(path)
