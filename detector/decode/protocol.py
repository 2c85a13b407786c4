"""The protocol between the detector, its fork server, and the decoder processes of chunks and streams.

The detector sends the fork server a request with file descriptors under a number, and later the number alone, which
ends that decoder; the fork server answers with its exit status and CPU time. The decoder of a chunk writes images into
a ring buffer in shared memory and sends a Frame message for each; the detector answers with one byte when the slot may
be overwritten. Where a job does not want every frame, the decoder shows what it has decoded (Seen) and is asked for
images (Ask): see detector.decode.asked_child. The decoder of a stream is asked, packet by packet: see
detector.decode.live_protocol.
"""

import signal
import socket
import struct
from typing import Annotated, NamedTuple

import msgspec

from contracts.errors import WebDetectorError
from contracts.wire.messages import Chunk
from detector.view import View

# Number of the decoder, and length of the request in bytes; 0: end it.
_HEAD = struct.Struct("<QQ")
# Exit status and CPU-seconds.
_EXIT = struct.Struct("<id")
_DESCRIPTORS = 3
MESSAGE_BYTES = 8192  # the longest message of a decoder
DETAIL_CHARACTERS = 500
BROKE = "decoding it broke the decoder: it is damaged, or made to do harm"
HUNG = "decoding it came to a standstill: it is damaged, or made to do harm"

Edge = Annotated[int, msgspec.Meta(ge=1, lt=2**31)]


class DecodeRequest(msgspec.Struct, frozen=True, tag="chunk"):
    """What to decode, and how each frame becomes an image.

    view: of the chunk's region in frames of the chunk's size; see View.showing for other sizes. channels: "BGR" or
    "RGB". slots: images that the shared memory holds. held_bytes: where images are asked for, how much memory frames
    may take that may still be; None sends all images. The other fields limit what decoding may use: see
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
    held_bytes: int | None = None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(slots, H, W, 3) of the shared memory."""
        return (self.slots, self.view.canvas[1], self.view.canvas[0], 3)


class LiveRequest(msgspec.Struct, frozen=True, tag="live"):
    """A decoder of a stream, which is told the rest packet by packet.

    codec, extradata: see contracts.live.packets.CodecConfig. slot_bytes: of each of the LIVE_SLOTS images in the shared
    memory. frame_pixels: most pixels of a frame. memory_bytes, cpu_seconds: what it may use.
    """

    codec: str
    extradata: bytes
    slot_bytes: int
    frame_pixels: int
    memory_bytes: int
    cpu_seconds: int


Request = DecodeRequest | LiveRequest


class Descriptors(msgspec.Struct, frozen=True):
    """What is passed with a request. source: of the video, see media.file_handover; of a stream, a socket with its
    packets. memory: the images. channel: a socket to the detector."""

    source: int
    memory: int
    channel: int


class Frame(msgspec.Struct, frozen=True, tag=True):
    """The next image is written: that of the frame at this place in the chunk.

    width, height: of the stored frame, in pixels.
    """

    place: int
    width: Edge
    height: Edge


class Seen(msgspec.Struct, frozen=True, tag=True):
    """The frame at this place was decoded, and its image may be asked for.

    width, height: of the stored frame, in pixels. thumbnail: see detector.decode.thumbnails.
    """

    place: int
    width: Edge
    height: Edge
    thumbnail: bytes


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The last message: frames that were seen cannot be made images."""

    detail: str


class Ask(msgspec.Struct, frozen=True):
    """What the detector wants of a decoder that is asked.

    wanted: places of seen frames whose images it is to write, after those that were asked for before. keep: of the
    frames before this place none but the spared ones will be asked for any more. until: decode at least up to this
    place, whatever memory it takes. free: how many more slots may be overwritten.
    """

    wanted: tuple[int, ...]
    keep: int
    spared: tuple[int, ...]
    until: int
    free: int


class Alive(msgspec.Struct, frozen=True, tag=True):
    """No image yet, but packets are being read."""


class Ended(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """The last message. code, detail: of an error; None where all that can be decoded was."""

    code: str | None = None
    detail: str = ""


Message = Frame | Seen | Refused | Alive | Ended


class DecoderLost(WebDetectorError):
    """The decoder ended for a reason other than the video."""

    code = "decoder_lost"


class Start(msgspec.Struct, frozen=True):
    """Start a decoder under a number."""

    number: int
    request: Request
    descriptors: Descriptors


class End(msgspec.Struct, frozen=True):
    """End the decoder with that number."""

    number: int


class Exit(NamedTuple):
    """How a decoder ended. status: as of os.waitstatus_to_exitcode. cpu_seconds: of it, and of the fork server since
    the one before."""

    status: int
    cpu_seconds: float


# Of a decoder whose fork server has ended too: the kernel has told nobody what it took.
LOST = Exit(-signal.SIGKILL, 0.0)


def send_start(channel: socket.socket, order: Start) -> None:
    """Send the fork server a request."""
    data = msgspec.msgpack.encode(order.request)
    passed = order.descriptors
    socket.send_fds(channel, [_HEAD.pack(order.number, len(data))], [passed.source, passed.memory, passed.channel])
    channel.sendall(data)


def send_end(channel: socket.socket, order: End) -> None:
    """Tell the fork server to end a decoder."""
    channel.sendall(_HEAD.pack(order.number, 0))


def send_exit(channel: socket.socket, ended: Exit) -> None:
    """Answer how a decoder ended."""
    channel.sendall(_EXIT.pack(*ended))


def receive_exit(channel: socket.socket) -> Exit | None:
    """The fork server's answer; None when it has ended."""
    data = receive_exactly(channel, _EXIT.size)
    return Exit(*_EXIT.unpack(data)) if data is not None else None


def receive_order(channel: socket.socket) -> Start | End | None:
    """The detector's next order; None when it has ended."""
    head, passed, _, _ = socket.recv_fds(channel, _HEAD.size, _DESCRIPTORS)
    if len(head) < _HEAD.size:
        return None
    number, length = _HEAD.unpack(head)
    if not length:
        return End(number)
    data = receive_exactly(channel, length)
    if data is None:
        return None
    return Start(number, msgspec.msgpack.decode(data, type=Request), Descriptors(*passed))


def receive_exactly(channel: socket.socket, length: int) -> bytearray | None:
    """So many bytes of a stream socket; None when it ends before."""
    data = bytearray()
    while len(data) < length:
        piece = channel.recv(min(length - len(data), 1 << 20))
        if not piece:
            return None
        data += piece
    return data
