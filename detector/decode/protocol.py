"""What is said between the detector, the nursery of its decoders, and a decoder.

The detector gives the nursery an order with descriptors, and hears when the decoder has begun and how it ended. The
decoder writes images into shared memory, one after the other and around again, and says of each that it is
there; the detector answers with one byte when it may be written over.
"""

import socket
import struct

import msgspec

from contracts.errors import WebDetectorError
from contracts.wire.messages import Chunk
from detector.decode.crop import Area
from detector.view import View

_LENGTH = struct.Struct("<Q")
STATUS = struct.Struct("<i")
_DESCRIPTORS = 3
MESSAGE_BYTES = 4096  # the longest of a decoder
DETAIL_CHARACTERS = 500


class Order(msgspec.Struct, frozen=True):
    """What to decode, and what of each frame becomes an image. place: the part of the stored frame. slots: images
    that the shared memory holds. The rest is what decoding may take: see detector.decode.parent.Budget."""

    chunk: Chunk
    place: Area
    view: View
    channels: str
    slots: int
    frame_pixels: int
    pixels: int
    memory_bytes: int
    cpu_seconds: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the shared memory: images, height, width, channels."""
        return (self.slots, self.view.canvas[1], self.view.canvas[0], 3)


class Descriptors(msgspec.Struct, frozen=True):
    """What goes with an order. video: see media.file_handover. memory: the images. line: a socket to the detector."""

    video: int
    memory: int
    line: int


class Frame(msgspec.Struct, frozen=True, tag=True):
    """The next image is there, that of the frame with this time."""

    time: int


class Alive(msgspec.Struct, frozen=True, tag=True):
    """No image yet, but packets are read."""


class Ended(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """The last message. code: of an error, with its detail; None when all was decoded that can be."""

    code: str | None = None
    detail: str = ""


Message = Frame | Alive | Ended


class Lost(WebDetectorError):
    """The decoder is gone, for a reason that may lie outside of the video."""

    code = "decoder_lost"


def send_order(line: socket.socket, order: Order, descriptors: Descriptors) -> None:
    """Give the nursery an order."""
    data = msgspec.msgpack.encode(order)
    socket.send_fds(line, [_LENGTH.pack(len(data))], [descriptors.video, descriptors.memory, descriptors.line])
    line.sendall(data)


def receive_order(line: socket.socket) -> tuple[Order, Descriptors] | None:
    """The next order, None when the detector is gone."""
    head, passed, _, _ = socket.recv_fds(line, _LENGTH.size, _DESCRIPTORS)
    if len(head) < _LENGTH.size:
        return None
    data = bytearray()
    while len(data) < _LENGTH.unpack(head)[0]:
        piece = line.recv(min(_LENGTH.unpack(head)[0] - len(data), 1 << 20))
        if not piece:
            return None
        data += piece
    return msgspec.msgpack.decode(data, type=Order), Descriptors(*passed)
