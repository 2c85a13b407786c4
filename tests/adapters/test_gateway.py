"""Page, API and WebSocket through Debian's nginx, as docs/deploy.md configures it, and as deploy/gateway, with TLS."""

import json
import os
import re
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.live.live_api import Watcher, ws_path
from tests.support.live.live_stream import time_ms
from tests.support.live.websocket import Closed, Refused, WebSocket
from tests.support.servers.byte_server import Web, reply
from tests.support.servers.debian import require
from tests.support.servers.gateway import GATEWAY, HSTS_SECONDS, Gateway, Nginx, documented
from tests.support.waiting import until
from tests.support.watching import START, media, of_type


@pytest.fixture(scope="module")
def encrypted(watcher: Watcher) -> Iterator[Gateway]:
    """That of the profile, with a certificate; Grafana is not there."""
    require("nginx", "setpriv", "openssl")
    with Gateway(watcher.api.port) as running:
        yield running.wait()


@pytest.fixture(scope="module", params=["documented", "profile"])
def gateway(request: pytest.FixtureRequest, watcher: Watcher) -> Iterator[Nginx]:
    if request.param == "profile":
        yield request.getfixturevalue("encrypted")
        return
    require("nginx", "setpriv")
    with Nginx(watcher.api.port) as running:
        yield running.wait()


def http(gateway: Nginx) -> httpx.Client:
    return httpx.Client(base_url=gateway.url, timeout=30, verify=gateway.tls or True)


def test_the_websocket_of_the_page_passes_through(watcher: Watcher, gateway: Nginx) -> None:
    stream = watcher.stream()
    stream.packet(key=True, size=300_000)
    headers = {"Cookie": f"wd_access={watcher.token}", "Origin": gateway.url}
    with WebSocket(gateway.port, ws_path(stream), headers, tls=gateway.tls) as socket:
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
        WebSocket(gateway.port, ws_path(watcher.stream()), headers, tls=gateway.tls)
    assert refused.value.status == 403


def test_a_viewer_that_leaves_without_a_word_is_noticed_through_it(watcher: Watcher, gateway: Nginx) -> None:
    stream = watcher.stream()
    socket = watcher.watch(stream, port=gateway.port, tls=gateway.tls)
    socket.send(START)
    until(lambda: watcher.api.readers() == 2)
    socket.socket.close()
    until(lambda: watcher.api.readers() == 0)


def test_close_codes_pass_through(watcher: Watcher, gateway: Nginx) -> None:
    with watcher.watch(watcher.stream(), port=gateway.port, tls=gateway.tls) as socket:
        socket.send("{")
        with pytest.raises(Closed) as closed:
            of_type(socket, "never")
    assert closed.value.code == 4400


def test_page_and_api_have_the_same_address(watcher: Watcher, gateway: Nginx) -> None:
    with http(gateway) as client:
        assert client.get("/docs/").status_code == 200
        mine = client.get("/api/v1/streams", headers={"Authorization": f"Bearer {watcher.token}"})
        assert mine.status_code == 200
        offer = client.options(
            f"/api/v1/streams/{watcher.stream().id}/whip", headers={"Authorization": f"Bearer {watcher.token}"}
        )
        assert "application/sdp" in offer.headers["accept-post"]


def test_the_api_itself_answers_an_upload_before_it_is_there_and_however_large(
    watcher: Watcher, gateway: Nginx
) -> None:
    """Whatever it announces: nothing of it is sent here."""
    with closing(gateway.connection(60)) as connection:
        connection.putrequest("POST", "/api/v1/videos?name=large.mp4")
        connection.putheader("Authorization", f"Bearer {watcher.token}")
        connection.putheader("Content-Type", "video/mp4")
        connection.putheader("Content-Length", str(10**12))
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["code"]) == (413, "upload_too_large")


def test_it_has_a_file_for_each_connection_also_where_a_container_begins_with_few(watcher: Watcher) -> None:
    require("nginx", "setpriv", "prlimit")
    with Gateway(watcher.api.port, encrypted=False, few_files=True) as running:
        running.wait()
        [worker, *_] = psutil.Process(running.pid).children()
        limits = Path(f"/proc/{worker.pid}/limits").read_text()
    [most] = re.findall(r"Max open files +(\d+)", limits)
    [connections] = re.findall(r"worker_connections (\d+);", (GATEWAY / "nginx.conf").read_text())
    assert int(most) >= int(connections)


def test_without_tls_one_is_led_to_it(watcher: Watcher, encrypted: Gateway) -> None:
    plain = httpx.get(f"http://127.0.0.1:{encrypted.plain_port}/live?a=b")
    assert (plain.status_code, plain.headers["location"]) == (308, f"{encrypted.url}/live?a=b")
    with http(encrypted) as client:
        assert client.get("/healthz").headers["strict-transport-security"] == f"max-age={HSTS_SECONDS}"


def test_cookies_of_the_page_are_for_tls_alone(watcher: Watcher, encrypted: Gateway) -> None:
    """The api learns how the browser came, whatever that says itself."""
    body = {"username": "gateway", "password": "correct-horse-battery"}
    with http(encrypted) as client:
        answer = client.post("/api/v1/auth/register", json=body, headers={"X-Forwarded-Proto": "http"})
    assert answer.status_code == 201
    assert all("; Secure" in cookie for cookie in answer.headers.get_list("set-cookie"))


def test_browsers_are_offered_http2_and_no_old_tls(encrypted: Gateway) -> None:
    where = ["openssl", "s_client", "-connect", f"127.0.0.1:{encrypted.port}"]
    for option, found in (
        ("-tls1_3", b"ALPN protocol: h2"),
        ("-tls1_2", b"ALPN protocol: h2"),
        ("-tls1_1", b"alert protocol version"),
    ):
        command = [*where, option, "-alpn", "h2", "-cipher", "ALL:@SECLEVEL=0"]
        said = subprocess.run(command, input=b"", capture_output=True, timeout=60)
        assert found in said.stdout + said.stderr


def test_a_request_by_http2_has_its_host(encrypted: Gateway) -> None:
    """As the api checks it."""
    command = [
        "curl",
        "--silent",
        "--http2",
        "--insecure",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_version} %{http_code}",
    ]
    for name, wanted in (("127.0.0.1", "2 200"), ("evil.example", "2 421")):
        at = ["--connect-to", f"::127.0.0.1:{encrypted.port}", f"https://{name}:{encrypted.port}/"]
        assert subprocess.run([*command, *at], capture_output=True, text=True, timeout=60).stdout == wanted


def test_a_new_certificate_is_taken_without_an_end(watcher: Watcher, encrypted: Gateway) -> None:
    place = ("127.0.0.1", encrypted.port)
    old = ssl.get_server_certificate(place)
    with watcher.watch(watcher.stream(), port=encrypted.port, tls=encrypted.tls) as socket:
        encrypted.certify()
        os.kill(encrypted.pid, signal.SIGHUP)
        until(lambda: ssl.get_server_certificate(place) != old)
        socket.send(START)
        assert of_type(socket, "hello")
    with http(encrypted) as client:
        assert client.get("/healthz").status_code == 200


def test_grafana_is_below_the_same_address(watcher: Watcher) -> None:
    with Web() as grafana:
        for path in ("/", "/d/overview", "/api/live/ws"):
            grafana.serve(path, reply(path.encode(), kind="text/html"))
        with (
            Gateway(watcher.api.port, grafana=f"127.0.0.1:{grafana.port}", encrypted=False) as gateway,
            http(gateway.wait()) as client,
        ):
            assert client.get("/grafana").headers["location"].endswith("/grafana/")
            for path in ("/", "/d/overview", "/api/live/ws"):
                assert client.get(f"/grafana{path}?x=%2F").text == path
            assert client.get("/docs/").status_code == 200
            health = httpx.get(f"http://127.0.0.1:{gateway.health_port}/")
            assert health.status_code == 200
    heads = "".join(grafana.requests)
    assert f"Host: 127.0.0.1:{gateway.port}\r\n" in heads
    assert heads.count("?x=%2F HTTP/1.1") == 3


@pytest.mark.parametrize("kind", ["documented", "profile"])
def test_nobody_chooses_the_address_that_the_api_hears(kind: str) -> None:
    """It counts failed logins by it, and may trust the network that the client is in."""
    require("nginx", "setpriv")
    paths = ("/", "/grafana/")
    with Web() as api:
        for path in ("/healthz", *paths):
            api.serve(path, reply(b"", kind="text/html"))
        passed_on_to = f"127.0.0.1:{api.port}"
        nginx = Nginx(api.port) if kind == "documented" else Gateway(api.port, grafana=passed_on_to, encrypted=False)
        with nginx, http(nginx.wait()) as client:
            api.requests.clear()
            for path in paths:
                assert client.get(path, headers={"X-Forwarded-For": "172.20.0.9"}).status_code == 200
    told = [re.findall(r"(?i)\nx-forwarded-for: *(.*)\r", head) for head in api.requests]
    assert told == [["127.0.0.1"]] * len(paths)


def test_without_grafana_its_place_is_empty_and_the_others_work(encrypted: Gateway) -> None:
    with http(encrypted) as client:
        assert client.get("/grafana/").status_code == 502
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("there", [[], ["fullchain.pem"]])
def test_a_folder_without_certificates_is_refused(tmp_path: Path, there: list[str]) -> None:
    for name in there:
        (tmp_path / name).touch()
    environ = {"PATH": os.environ["PATH"], "CERTIFICATES": str(tmp_path), "GATEWAY_CERTIFICATES": "/etc/web-detector"}
    command = ["/bin/sh", str(GATEWAY / "start-gateway")]
    done = subprocess.run(command, env={**environ, "STATE": str(tmp_path / "state")}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "GATEWAY_CERTIFICATES=/etc/web-detector: " in done.stderr


def test_the_documented_nginx_passes_on_what_the_profiles_does() -> None:
    def directives(text: str) -> list[str]:
        [block] = re.findall(r"location / \{\n(.*?)\n *\}", text, re.S)
        return [line.strip() for line in block.splitlines() if "proxy_pass " not in line]

    own = directives((GATEWAY / "service.conf").read_text())
    assert own == directives(documented())
