"""A webcam of a real browser against a session of the ingest."""

import asyncio
from pathlib import Path

import av
import pytest
from playwright.sync_api import Error

from contracts.live.streams import Reason
from ingest.sources.port import SourceConfig, SourceFailed, SourcePacket
from ingest.webrtc.session import WhipSession
from ingest.webrtc.source import WebrtcSource
from tests.support.chromium import running_chromium
from tests.support.live.fake_webcam import webcam_flags, write_pictures
from tests.support.live.whip_browser import LoopThread, leave, send_webcam
from tests.support.live.whip_sender import LOOPBACK

FRAMES, CAT = 20, 60


async def opened() -> WhipSession:
    return WhipSession(LOOPBACK)


async def frames_of(source: WebrtcSource) -> list[SourceConfig | SourcePacket]:
    await source.open()
    items: list[SourceConfig | SourcePacket] = []
    while sum(isinstance(item, SourcePacket) for item in items) < FRAMES:
        items.append(await asyncio.wait_for(source.read(), 120))
    return items


async def end_of(source: WebrtcSource) -> SourceFailed:
    with pytest.raises(SourceFailed) as caught:  # noqa: PT012  (what was sent before comes first)
        while True:
            await asyncio.wait_for(source.read(), 120)
    await source.close()
    return caught.value


def test_a_browsers_webcam_arrives_as_frames_that_decode(sample: Path, tmp_path: Path) -> None:
    picture = write_pictures(sample, CAT, 1, tmp_path / "cat.y4m")
    with LoopThread() as ingest, running_chromium(*webcam_flags(picture)) as browser:
        page, session = browser.new_page(), ingest.run(opened())
        source = WebrtcSource(session)
        send_webcam(page, lambda sdp: ingest.run(session.answer(sdp)))
        config, *packets = ingest.run(frames_of(source))
        leave(page)
        assert ingest.run(end_of(source)).reason is Reason.WAITING_FOR_SENDER

        refusing = ingest.run(opened())
        with pytest.raises(Error, match=r"offer H\.264"):
            send_webcam(browser.new_page(), lambda sdp: ingest.run(refusing.answer(sdp)), codec="video/VP8")
        ingest.run(refusing.close())

    assert isinstance(config, SourceConfig)
    assert config.width > 0
    decoder = av.CodecContext.create("h264", "r")
    decoded = []
    for packet in packets:
        if isinstance(packet, SourcePacket):
            decoded += decoder.decode(av.Packet(packet.data))  # type: ignore[attr-defined]
    assert len(decoded) == FRAMES
    assert (decoded[0].width, decoded[0].height) == (config.width, config.height)
    times = [packet.pts or 0 for packet in packets if isinstance(packet, SourcePacket)]
    assert times == sorted(set(times))
