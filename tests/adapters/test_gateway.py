"""Page, API and WebSocket through Debian's nginx, as docs/deploy.md configures it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.live.live_api import Watcher, ws_path
from tests.support.live.live_stream import time_ms
from tests.support.live.websocket import Closed, Refused, WebSocket
from tests.support.servers.debian import require
from tests.support.servers.gateway import Nginx
from tests.support.waiting import until
from tests.support.watching import START, media, of_type


@pytest.fixture(scope="module")
def gateway(watcher: Watcher) -> Iterator[Nginx]:
    require("nginx", "setpriv")
    with Nginx(watcher.api.port) as running:
        yield running.wait()


def test_the_websocket_of_the_page_passes_through(watcher: Watcher, gateway: Nginx) -> None:
    stream = watcher.stream()
    stream.packet(key=True, size=300_000)
    headers = {"Cookie": f"wd_access={watcher.token}", "Origin": f"http://127.0.0.1:{gateway.port}"}
    with WebSocket(gateway.port, ws_path(stream), headers) as socket:
        assert of_type(socket, "hello")["stream"]["id"] == stream.id
        socket.send(START)
        media(socket)
        assert media(socket)[2] == time_ms(1)
        stream.result(1)
        assert of_type(socket, "result")["frame"] == 1
        socket.close()
    until(lambda: watcher.api.readers() == 0)


def test_a_page_of_another_origin_is_refused_through_it(watcher: Watcher, gateway: Nginx) -> None:
    headers = {"Cookie": f"wd_access={watcher.token}", "Origin": "http://evil.example"}
    with pytest.raises(Refused) as refused:
        WebSocket(gateway.port, ws_path(watcher.stream()), headers)
    assert refused.value.status == 403


def test_a_viewer_that_leaves_without_a_word_is_noticed_through_it(watcher: Watcher, gateway: Nginx) -> None:
    stream = watcher.stream()
    socket = watcher.watch(stream, port=gateway.port)
    socket.send(START)
    until(lambda: watcher.api.readers() == 2)
    socket.socket.close()
    until(lambda: watcher.api.readers() == 0)


def test_close_codes_pass_through(watcher: Watcher, gateway: Nginx) -> None:
    with watcher.watch(watcher.stream(), port=gateway.port) as socket:
        socket.send("{")
        with pytest.raises(Closed) as closed:
            of_type(socket, "never")
    assert closed.value.code == 4400


def test_page_and_api_have_the_same_address(watcher: Watcher, gateway: Nginx) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}", timeout=30) as http:
        assert http.get("/docs/").status_code == 200
        mine = http.get("/api/v1/streams", headers={"Authorization": f"Bearer {watcher.token}"})
        assert mine.status_code == 200
        offer = http.options(
            f"/api/v1/streams/{watcher.stream().id}/whip", headers={"Authorization": f"Bearer {watcher.token}"}
        )
        assert "application/sdp" in offer.headers["accept-post"]
