"""RTSP cameras, over TCP.

The client is our own, not FFmpeg's: it gives a frame out at its last packet instead of the first one of the next frame,
counts what the network lost, knows the sender's clock, connects to a checked address under the name that was given, and
no library that was not made for it sees untrusted bytes or the password.
"""

import asyncio
import time
from collections import deque
from urllib.parse import urljoin

from contracts.live.streams import Reason
from contracts.network.address_rules import Network
from contracts.network.camera_address import CameraAddress
from ingest.sources.network.address import parse, with_login
from ingest.sources.network.head import BadHead
from ingest.sources.network.pinned import connect
from ingest.sources.picture import sequence_parameters, size_of
from ingest.sources.port import SourceConfig, SourceFailed, SourcePacket
from ingest.sources.rtsp.description import Video, control_url, session_control, videos
from ingest.sources.rtsp.frames import Frames, frames_of
from ingest.sources.rtsp.session import Session
from ingest.sources.rtsp.track import Track
from ingest.sources.rtsp.wire import Message
from media import jpeg
from media.h264_syntax import start_coded

SCHEMES = ("rtsp",)
_OPEN_SECONDS = 15.0
_REDIRECTS = 3
_OK, _NOT_FOUND, _NO_TCP = 200, 404, 461


class RtspSource:
    """A camera at an address with user name and password."""

    def __init__(self, address: str, networks: tuple[Network, ...]) -> None:
        self._address, self._networks = address, networks
        self._session: Session | None = None
        self._uri = ""
        self._items: deque[SourceConfig | SourcePacket] = deque()
        self._config: SourceConfig | None = None

    async def open(self) -> None:
        place = parse(self._address, SCHEMES)
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                for _ in range(_REDIRECTS + 1):
                    after = await self._play(place)
                    if after is None:
                        return
                    await self.close()
                    place = with_login(place, after)
        except TimeoutError:
            raise SourceFailed(
                Reason.UNREACHABLE, f"the camera sent no answer that is complete within {_OPEN_SECONDS:g} s"
            ) from None
        except BadHead:
            raise SourceFailed(Reason.NOT_A_STREAM, "the address does not speak RTSP: check its port") from None
        raise SourceFailed(
            Reason.NOT_A_STREAM,
            f"the address redirects more than {_REDIRECTS} times: give the last one",
            permanent=True,
        )

    async def read(self) -> SourceConfig | SourcePacket:
        session = self._session
        if session is None:
            raise RuntimeError("open it first")
        while not self._items:
            if not session.media:
                await session.receive()
            self._take(session)
        return self._items.popleft()

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.end(self._uri)

    async def _play(self, place: CameraAddress) -> CameraAddress | None:
        """Have the video sent; the address that the camera names instead."""
        session = self._session = Session(await connect(place, self._networks), place)
        self._uri = place.url
        offered = await session.ask("OPTIONS", place.url)
        answer = await session.ask("DESCRIBE", place.url, Accept="application/sdp")
        if answer.head.status in range(300, 400) and answer.head.get("location"):
            return parse(answer.head.get("location"), SCHEMES)
        _require_ok(answer, "describes no stream")
        text = answer.body.decode(errors="replace")
        video, frames = _choice(text)
        base = urljoin(place.url, answer.head.get("content-base") or answer.head.get("content-location"))
        self._uri = control_url(base, session_control(text))
        self._frames, self._fps = frames, video.fps
        self._track = Track(frames, video.payload_type, video.clock)
        transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
        answer = await session.ask("SETUP", control_url(base, video.control), Transport=transport)
        if answer.head.status == _NO_TCP:
            raise SourceFailed(Reason.NOT_A_STREAM, "the camera does not send over TCP: allow RTP over RTSP in it")
        _require_ok(answer, "does not set the stream up")
        self._channel = _channel(answer.head.get("transport"))
        timeout = answer.head.get("session")
        _require_ok(await session.ask("PLAY", self._uri, Range="npt=0.000-"), "does not play the stream")
        method = "GET_PARAMETER" if "GET_PARAMETER" in offered.head.get("public").upper() else "OPTIONS"
        session.keep_alive(method, self._uri, timeout)
        return None

    def _take(self, session: Session) -> None:
        """Turn the media packets that have come into items."""
        arrival = time.time()
        while session.media:
            channel, data = session.media.popleft()
            if channel == self._channel:
                for packet in self._track.rtp(data, arrival):
                    self._give(packet)
            elif channel == self._channel + 1 and self._track.rtcp(data):
                raise SourceFailed(Reason.LOST, "the camera ended the stream")

    def _give(self, packet: SourcePacket) -> None:
        if packet.key:
            extradata = self._track.extradata
            if self._config is None or self._config.extradata != extradata:
                size = _size(self._frames.codec, extradata, packet.data) or (0, 0)
                self._config = SourceConfig(self._frames.codec, extradata, *size, fps=self._fps)
                self._items.append(self._config)
        if self._config is not None:  # else before the first keyframe
            self._items.append(packet)


def _size(codec: str, extradata: bytes, picture: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels, where they are told."""
    if codec == "mjpeg":
        return jpeg.size(picture)
    parameters = sequence_parameters(codec, start_coded(extradata)) if codec in ("h264", "hevc") else None
    return size_of(codec, parameters) if parameters else None


def _choice(text: str) -> tuple[Video, Frames]:
    """The first video of a description that can be read."""
    found = videos(text)
    for video in found:
        if (frames := frames_of(video)) is not None:
            return video, frames
    if not found:
        raise SourceFailed(Reason.NOT_A_STREAM, "the camera sends no video at this address: check its path")
    raise SourceFailed(
        Reason.UNSUPPORTED_CODEC,
        f"the camera sends {found[0].encoding or 'an unknown codec'}: set it to H.264, H.265 or MJPEG",
        permanent=True,
    )


def _require_ok(answer: Message, what: str) -> None:
    status = answer.head.status
    if status == _NOT_FOUND:
        raise SourceFailed(Reason.NOT_A_STREAM, "the camera has no stream of this path (404): check the address")
    if status != _OK:
        raise SourceFailed(Reason.UNREACHABLE, f"the camera answers, and {what} (status {status})")


def _channel(transport: str) -> int:
    """The channel of the media, which the camera may choose."""
    _, _, text = transport.lower().partition("interleaved=")
    digits = text.partition("-")[0].partition(";")[0].strip()
    return int(digits) if digits.isdecimal() and len(digits) < 4 else 0
