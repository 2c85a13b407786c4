"""Handshakes as GET requests, with an application and a client that the test plays."""

import asyncio
import json
from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.web import websockets
from api.web.websockets import WebSockets, websocket_of
from contracts.errors import ForeignOrigin

PATH = "/api/v1/streams/1/ws"


class Talk:
    """What a client says, and hears. requests: that reached the application, with its answer."""

    def __init__(self, *said: str | bytes, answer: Response | None = None) -> None:
        self.heard: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self._said = [{"type": "websocket.connect"}, *map(_received, said)]
        self._answer = answer

    def run(self, path: str = PATH, **headers: str) -> None:
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "websocket", "path": path, "scheme": "wss", "headers": pairs}
        asyncio.run(WebSockets(self._app)(scope, self._receive, self._send))

    async def _receive(self) -> Any:
        if not self._said:
            await asyncio.Event().wait()
        return self._said.pop(0)

    async def _send(self, message: Any) -> None:
        self.heard.append(dict(message))

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests.append(dict(scope))
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        if self._answer is not None:
            await self._answer(scope, receive, send)


def _received(said: str | bytes) -> dict[str, Any]:
    return {"type": "websocket.receive", "text" if isinstance(said, str) else "bytes": said}


def heard(talk: Talk) -> list[str]:
    return [message["type"] for message in talk.heard]


def test_a_handshake_arrives_as_a_get_request_without_a_body() -> None:
    talk = Talk()
    talk.run(authorization="Bearer x", **{"content-length": "5", "transfer-encoding": "chunked"})
    (request,) = talk.requests
    assert (request["type"], request["method"], request["scheme"]) == ("http", "GET", "https")
    assert request["headers"] == [(b"authorization", b"Bearer x")]
    assert websocket_of(request) is not None


def test_a_token_in_the_first_message_is_that_of_the_request() -> None:
    talk = Talk(json.dumps({"type": "auth", "token": "x"}))
    talk.run()
    assert talk.requests[0]["headers"] == [(b"authorization", b"Bearer x")]
    assert heard(talk) == ["websocket.accept"]


def test_without_a_token_in_time_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websockets, "AUTH_SECONDS", 0.01)
    talk = Talk()
    talk.run()
    assert not talk.requests
    assert heard(talk) == ["websocket.accept", "websocket.send", "websocket.close"]
    assert talk.heard[-1]["code"] == 4401


@pytest.mark.parametrize(
    "said",
    ["", "no JSON", '{"type": "start"}', b'{"type": "auth", "token": "\xff"}', '{"type": "auth", "x": ' + "[" * 50_000],
    ids=["nothing", "no JSON", "another message", "no UTF-8", "nested"],
)
def test_a_first_message_without_a_token_ends_it(said: str | bytes) -> None:
    talk = Talk(said)
    talk.run()
    assert not talk.requests
    assert heard(talk) == ["websocket.accept", "websocket.send", "websocket.close"]
    assert talk.heard[-1]["code"] == 4401


def test_a_refusal_is_the_response_before_it_is_open_and_a_message_afterwards() -> None:
    problem = Response(b'{"code": "not_found", "detail": "x"}', 404)
    before = Talk(answer=problem)
    before.run(authorization="Bearer x")
    assert heard(before) == ["websocket.http.response.start", "websocket.http.response.body"]
    assert before.heard[0]["status"] == 404
    after = Talk(json.dumps({"type": "auth", "token": "x"}), answer=problem)
    after.run()
    assert json.loads(after.heard[1]["text"]) == {"type": "error", "code": "not_found", "detail": "x"}
    assert (after.heard[2]["type"], after.heard[2]["code"]) == ("websocket.close", 4404)


def test_other_paths_have_no_websocket() -> None:
    talk = Talk()
    talk.run("/api/v1/streams/1", authorization="Bearer x")
    assert (talk.requests, heard(talk)) == ([], ["websocket.close"])


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({"origin": "https://a.example:8443", "host": "a.example:8443"}, False),
        ({"host": "a.example"}, False),  # no browser
        ({"origin": "https://b.example", "host": "a.example"}, True),
        ({"origin": "null", "host": "a.example"}, True),
        ({"origin": "http://[", "host": "a.example"}, True),
        ({"origin": "https://a.example", "host": "a.example:8443"}, True),
        ({"origin": "https://b.example", "host": "a.example", "authorization": "Bearer x"}, False),
    ],
)
def test_cookies_count_for_pages_of_the_same_origin_only(headers: dict[str, str], refused: bool) -> None:
    talk = Talk()
    talk.run(cookie="wd_access=x", **headers)
    if refused:
        with pytest.raises(ForeignOrigin):
            websocket_of(talk.requests[0])
    else:
        assert websocket_of(talk.requests[0]) is not None
