"""The protocol between the detector, its fork server, and the decoder process of one chunk.

The detector sends the fork server a decode request with file descriptors, and later one byte that ends the decoder;
the fork server answers with its exit status. The decoder writes images into a ring buffer in shared memory and sends
a Frame message for each; the detector answers with one byte when the slot may be overwritten.
"""

import socket
import struct
from typing import Annotated

import msgspec

from contracts.errors import WebDetectorError
from contracts.wire.messages import Chunk
from detector.view import View

_LENGTH = struct.Struct("<Q")
STATUS = struct.Struct("<i")
_DESCRIPTORS = 3
MESSAGE_BYTES = 4096  # the longest message of a decoder
DETAIL_CHARACTERS = 500

Edge = Annotated[int, msgspec.Meta(ge=1, lt=2**31)]


class DecodeRequest(msgspec.Struct, frozen=True):
    """What to decode, and how each frame becomes an image.

    view: of the chunk's region in frames of the chunk's size; see View.showing for other sizes. channels: "BGR" or
    "RGB". slots: images that the shared memory holds. The other fields limit what decoding may use: see
    detector.decode.parent.Budget.
    """

    chunk: Chunk
    view: View
    channels: str
    slots: int
    frame_pixels: int
    pixels: int
    memory_bytes: int
    cpu_seconds: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(slots, H, W, 3) of the shared memory."""
        return (self.slots, self.view.canvas[1], self.view.canvas[0], 3)


class Descriptors(msgspec.Struct, frozen=True):
    """What is passed with a request. video: see media.file_handover. memory: the images. channel: a socket to the
    detector."""

    video: int
    memory: int
    channel: int


class Frame(msgspec.Struct, frozen=True, tag=True):
    """The next image is written: that of the frame at this place in the chunk.

    width, height: of the stored frame, in pixels.
    """

    place: int
    width: Edge
    height: Edge


class Alive(msgspec.Struct, frozen=True, tag=True):
    """No image yet, but packets are being read."""


class Ended(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """The last message. code, detail: of an error; None where all that can be decoded was."""

    code: str | None = None
    detail: str = ""


Message = Frame | Alive | Ended


class DecoderLost(WebDetectorError):
    """The decoder ended for a reason other than the video."""

    code = "decoder_lost"


def send_request(channel: socket.socket, request: DecodeRequest, descriptors: Descriptors) -> None:
    """Send a decode request to the fork server."""
    data = msgspec.msgpack.encode(request)
    socket.send_fds(channel, [_LENGTH.pack(len(data))], [descriptors.video, descriptors.memory, descriptors.channel])
    channel.sendall(data)


def receive_request(channel: socket.socket) -> tuple[DecodeRequest, Descriptors] | None:
    """The next decode request; None when the detector has ended."""
    head, passed, _, _ = socket.recv_fds(channel, _LENGTH.size, _DESCRIPTORS)
    if len(head) < _LENGTH.size:
        return None
    data = bytearray()
    while len(data) < _LENGTH.unpack(head)[0]:
        piece = channel.recv(min(_LENGTH.unpack(head)[0] - len(data), 1 << 20))
        if not piece:
            return None
        data += piece
    return msgspec.msgpack.decode(data, type=DecodeRequest), Descriptors(*passed)
