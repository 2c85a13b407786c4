"""Who may watch a stream, and when watching ends: a real api process, and a client that knows RFC 6455."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from contracts.database.tables import ApiToken, utcnow
from tests.support.live.live_api import Watcher, ws_path
from tests.support.live.websocket import Closed, Refused, WebSocket
from tests.support.watching import START, of_type


def test_the_cookie_of_the_page_is_enough_and_only_for_pages_of_this_origin(watcher: Watcher) -> None:
    stream = watcher.stream()
    port = watcher.api.port
    cookie = {"Cookie": f"wd_access={watcher.token}"}
    with WebSocket(port, ws_path(stream), {**cookie, "Origin": f"http://127.0.0.1:{port}"}) as socket:
        assert of_type(socket, "hello")["stream"]["id"] == stream.id
    for origin in ("http://evil.example", f"http://127.0.0.1:{port + 1}", "null"):
        with pytest.raises(Refused) as refused:
            WebSocket(port, ws_path(stream), {**cookie, "Origin": origin})
        assert refused.value.status == 403
        assert b"foreign_origin" in refused.value.body


def test_a_token_may_come_in_the_first_message(watcher: Watcher) -> None:
    stream = watcher.stream()
    with WebSocket(watcher.api.port, ws_path(stream), {"Origin": "http://another.example"}) as socket:
        socket.send({"type": "auth", "token": watcher.token})
        assert of_type(socket, "hello")["stream"]["id"] == stream.id


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "auth", "token": "x"}, 4401),
        (START, 4401),
        ("{", 4401),
        (b"\0", 4401),
    ],
)
def test_another_first_message_ends_it(watcher: Watcher, message: Any, code: int) -> None:
    with WebSocket(watcher.api.port, ws_path(watcher.stream())) as socket:
        socket.send(message)
        assert of_type(socket, "error")["code"] == "unauthenticated"
        with pytest.raises(Closed) as closed:
            socket.receive()
        assert closed.value.code == code


def test_streams_of_others_and_unknown_ones_are_not_found(watcher: Watcher) -> None:
    stranger, stream = watcher.api.user(), watcher.stream()
    with pytest.raises(Refused) as refused:
        stranger.watch(stream)
    assert refused.value.status == 404
    assert refused.value.headers["content-type"] == "application/problem+json"
    with WebSocket(watcher.api.port, ws_path(stream)) as socket:
        socket.send({"type": "auth", "token": stranger.token})
        assert of_type(socket, "error")["code"] == "not_found"
        with pytest.raises(Closed) as closed:
            socket.receive()
    assert closed.value.code == 4404


def test_handshakes_are_refused_like_requests(watcher: Watcher) -> None:
    stream = watcher.stream()
    with pytest.raises(Refused) as refused:
        watcher.watch(stream, headers={"Authorization": "Bearer x"})
    assert (refused.value.status, refused.value.headers["www-authenticate"]) == (401, "Bearer")
    with pytest.raises(Refused) as refused:
        WebSocket(watcher.api.port, "/api/v1/jobs", {"Authorization": f"Bearer {watcher.token}"})
    assert refused.value.status == 403
    answer = watcher.call("GET", f"/streams/{stream.id}/ws")
    assert (answer.status_code, answer.headers["upgrade"]) == (426, "websocket")
    token = watcher.call("POST", "/tokens", json={"name": "x", "scopes": ["read"]}).json()["token"]
    with pytest.raises(Refused) as refused:
        watcher.watch(stream, headers={"Authorization": f"Bearer {token}"})
    assert b"out_of_scope" in refused.value.body


@pytest.mark.parametrize("how", ["deleted", "expired", "logged out"])
def test_it_ends_with_its_session_or_token(watcher: Watcher, how: str) -> None:
    user = watcher.api.user()
    stream = user.stream()
    made = user.call("POST", "/tokens", json={"name": "x", "scopes": ["streams:read"]}).json()
    headers = {} if how == "logged out" else {"Authorization": f"Bearer {made['token']}"}
    with user.watch(stream, headers=headers) as socket:
        of_type(socket, "stats")
        if how == "logged out":
            assert user.call("POST", "/auth/logout").status_code == 204
        else:
            with Session(user.api.engine) as session, session.begin():
                mine = ApiToken.id == made["id"]
                past = utcnow() - timedelta(seconds=1)
                session.execute(
                    delete(ApiToken).where(mine)
                    if how == "deleted"
                    else update(ApiToken).where(mine).values(expires_at=past)
                )
        assert of_type(socket, "error")["code"] == "unauthenticated"
        with pytest.raises(Closed) as closed:
            of_type(socket, "never")
    assert closed.value.code == 4401


def test_it_ends_when_the_stream_is_deleted(watcher: Watcher) -> None:
    stream = watcher.stream()
    with watcher.watch(stream) as socket:
        of_type(socket, "stats")
        assert watcher.call("DELETE", f"/streams/{stream.id}").status_code == 204
        assert of_type(socket, "error")["code"] == "not_found"
        with pytest.raises(Closed) as closed:
            of_type(socket, "never")
    assert closed.value.code == 4404


@pytest.mark.parametrize(
    ("message", "code"),
    [("{", 4400), ({"type": "else"}, 4400), ({**START, "after_ms": "x"}, 4400), (b"\0", 4400), ("x" * 9000, 1009)],
)
def test_a_malformed_message_ends_it(watcher: Watcher, message: Any, code: int) -> None:
    with watcher.watch(watcher.stream()) as socket:
        socket.send(message)
        with pytest.raises(Closed) as closed:
            of_type(socket, "never")
    assert closed.value.code == code


def test_too_many_messages_end_it(watcher: Watcher) -> None:
    with watcher.watch(watcher.stream()) as socket:
        for _ in range(21):
            socket.send(START)
        assert of_type(socket, "error")["code"] == "too_many_requests"
        with pytest.raises(Closed) as closed:
            of_type(socket, "never")
    assert closed.value.code == 4429
