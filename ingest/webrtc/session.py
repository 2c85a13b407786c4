"""One WHIP session: a WebRTC connection that receives the video of one sender."""

import asyncio
import logging
from collections.abc import Callable

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpTransceiver, RTCSessionDescription
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError

from contracts.errors import OfferRefused
from contracts.live.streams import Reason
from ingest.sources.port import SourceConfig, SourceFailed, SourcePacket
from ingest.webrtc import offer
from ingest.webrtc.endpoints import Network
from ingest.webrtc.packet_queue import PacketQueue
from ingest.webrtc.profiles import prefer_h264
from ingest.webrtc.receiver import PassThroughReceiver

log = logging.getLogger(__name__)

CONNECT_SECONDS = 15.0
_NO_WAY = (
    "the sender's media found no way to the ingest within {:g} s: open the UDP ports in WEBRTC_UDP_PORTS, set "
    "WEBRTC_HOSTS to an address at which the sender reaches this machine, or name a TURN server in WEBRTC_ICE_SERVERS"
)


class WhipSession:
    """answer() once, then connected() and read() by one task; close() always.

    on_closed: called once when it is closed.
    """

    def __init__(self, network: Network, on_closed: Callable[[], object] = lambda: None) -> None:
        self._network, self._on_closed = network, on_closed
        self._queue = PacketQueue()
        self._connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._connection: RTCPeerConnection | None = None
        self._closed = False

    async def answer(self, sdp: str) -> str:
        """The SDP answer to an offer, with all candidates. Raises Malformed, OfferRefused, NoMediaPort."""
        described = RTCSessionDescription(offer.checked(sdp), "offer")
        connection = self._connection = RTCPeerConnection(RTCConfiguration(list(self._network.ice_servers)))
        connection.on("connectionstatechange", self._note_state)
        video = connection.addTransceiver("video", direction="recvonly")
        prefer_h264(video)
        self._replace_receiver(video)
        try:
            await connection.setRemoteDescription(described)
        except (ValueError, OperationError, InvalidAccessError, InvalidStateError) as error:
            raise OfferRefused(
                f"the offer cannot be answered ({error}): offer H.264 with packetization-mode=1, rtcp-mux and ICE "
                "credentials"
            ) from error
        for one in connection.getTransceivers():
            if one is not video:  # sound is not used
                one.direction = "inactive"
        self._network.use(video.receiver.transport.transport.iceGatherer._connection)
        await connection.setLocalDescription()
        return str(connection.localDescription.sdp)

    async def connected(self) -> None:
        """Wait for the connection. Raises SourceFailed."""
        try:
            await asyncio.wait_for(asyncio.shield(self._connected), CONNECT_SECONDS)
        except TimeoutError:
            raise SourceFailed(Reason.ICE_FAILED, _NO_WAY.format(CONNECT_SECONDS)) from None

    async def read(self) -> SourceConfig | SourcePacket:
        """The next item. Raises SourceFailed when the sender has left."""
        return await self._queue.get()

    def end(self, detail: str, reason: Reason = Reason.WAITING_FOR_SENDER) -> None:
        """Let the reader find its end. reason: that of its sender who has left."""
        failure = SourceFailed(reason, detail)
        self._queue.end(failure)
        if not self._connected.done():
            self._connected.set_exception(failure)
            self._connected.exception()  # a session that nobody reads yet

    async def close(self) -> None:
        """End the connection and release its sockets. Does nothing the second time."""
        if self._closed:
            return
        self._closed = True
        self.end("the session has ended: begin to send again")
        try:
            if self._connection is not None:
                await self._connection.close()
        finally:
            self._on_closed()

    def _replace_receiver(self, video: RTCRtpTransceiver) -> None:
        # The library makes its receiver itself and offers no other way to have another one.
        receiver = PassThroughReceiver(video.receiver.transport, self._queue, self._sender_left)
        receiver._set_rtcp_ssrc(video.sender._ssrc)
        video._RTCRtpTransceiver__receiver = receiver

    def _sender_left(self) -> None:
        self.end("the sender has left: begin to send again")

    def _note_state(self) -> None:
        if self._connection is None:
            return
        state = self._connection.connectionState
        if state == "connected" and not self._connected.done():
            self._connected.set_result(None)
        elif state == "failed" and not self._connected.done():
            detail = _NO_WAY.format(CONNECT_SECONDS)
            if self._connection.iceConnectionState == "completed":
                detail = "the sender and the ingest could not agree on keys (DTLS): update the sender, or use another"
            self._connected.set_exception(SourceFailed(Reason.ICE_FAILED, detail))
            self._connected.exception()
        elif state in ("failed", "closed"):
            self.end("the connection to the sender was lost", Reason.LOST)
