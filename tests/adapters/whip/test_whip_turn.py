"""WHIP where nothing goes directly: through a real TURN server, as docs/live.md says."""

import asyncio
import logging
from collections.abc import Iterator, Sequence

import pytest
from aiortc import RTCIceServer

from ingest.sources.port import SourceConfig, SourcePacket
from ingest.webrtc import endpoints, session
from ingest.webrtc.endpoints import Network
from ingest.webrtc.session import WhipSession
from ingest.webrtc.source import WebrtcSource
from tests.support.chromium import running_chromium
from tests.support.live.whip_browser import LoopThread, leave, send_webcam
from tests.support.live.whip_sender import LOOPBACK, WhipSender
from tests.support.servers.coturn import Coturn
from tests.support.servers.debian import require


class RelayOnly(Network):
    """A network that nothing from outside reaches."""

    def _own_addresses(self, _cards: Sequence[str]) -> list[str]:
        return []


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shown is the way, not how fast a busy machine finds it."""
    monkeypatch.setattr(endpoints, "_GATHER_SECONDS", 60)
    monkeypatch.setattr(session, "CONNECT_SECONDS", 60)


@pytest.fixture(scope="module")
def turn() -> Iterator[Coturn]:
    require("turnserver", "setpriv")
    with Coturn() as server:
        yield server.wait()


def relay_only(turn: Coturn, transport: str = "", password: str = "") -> RelayOnly:
    (one,) = turn.servers
    return RelayOnly(ice_servers=(RTCIceServer(one.url + transport, one.username, password or one.credential),))


async def first_packet(source: WebrtcSource) -> SourcePacket:
    while isinstance(item := await source.read(), SourceConfig):
        pass
    return item


def candidates(sdp: str) -> set[str]:
    """The types of the candidates in an offer or answer."""
    return {line.split(" typ ")[1].split()[0] for line in sdp.splitlines() if line.startswith("a=candidate:")}


@pytest.mark.parametrize("transport", ["", "?transport=tcp"])
def test_an_ingest_that_nothing_reaches_is_reached_through_turn(turn: Coturn, transport: str) -> None:
    async def run() -> None:
        session = WhipSession(relay_only(turn, transport))
        source = WebrtcSource(session)
        async with asyncio.timeout(120), WhipSender() as sender:
            try:
                answer = await session.answer(await sender.offer())
                assert candidates(answer) == {"relay"}
                await sender.take(answer)
                await source.open()
                sender.send(3)
                assert (await first_packet(source)).key
            finally:
                await source.close()

    asyncio.run(run())


def test_a_turn_server_that_is_of_no_use_is_named_in_the_log(turn: Coturn, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        session = WhipSession(relay_only(turn, password="wrong"))
        async with asyncio.timeout(120), WhipSender() as sender:
            assert candidates(await session.answer(await sender.offer())) == set()
            await session.close()

    with caplog.at_level(logging.WARNING, "ingest.webrtc.endpoints"):
        asyncio.run(run())
    (said,) = [one.getMessage() for one in caplog.records if one.name == "ingest.webrtc.endpoints"]
    assert f"127.0.0.1:{turn.port}" in said
    assert "its user name and password" in said


def test_a_browser_that_reaches_nothing_else_sends_through_turn(turn: Coturn) -> None:
    (server,) = turn.servers
    servers = [{"urls": server.url, "username": server.username, "credential": server.credential}]
    offered = set()
    with (
        LoopThread() as ingest,
        running_chromium(
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            "--allow-loopback-in-peer-connection",
        ) as browser,
    ):

        async def make() -> WhipSession:
            return WhipSession(LOOPBACK)

        session = ingest.run(make())
        source = WebrtcSource(session)

        def answer(sdp: str) -> str:
            offered.update(candidates(sdp))
            return ingest.run(session.answer(sdp))

        page = browser.new_page()
        send_webcam(page, answer, connection={"iceServers": servers, "iceTransportPolicy": "relay"})

        async def receive() -> SourcePacket:
            await source.open()
            return await first_packet(source)

        assert ingest.run(receive()).key
        leave(page)
        ingest.run(source.close())
    assert offered == {"relay"}
