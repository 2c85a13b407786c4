"""The protocol between the detector and the decoder process of one stream: question and answer, packet by packet.

The detector sends Look and Feed messages over a stream socket; the decoder answers each Feed with a Decoded message, or
with Ended. The detector chooses the slot of the shared memory that the next image is written to, so nothing is written
at any other time.
"""

import socket
import struct
from typing import cast

import msgspec

from detector.decode.crop import Region
from detector.decode.protocol import Edge, Ended, receive_exactly
from detector.view import View

# One that the engine reads, one with the newest image, one to write to.
LIVE_SLOTS = 3
_LENGTH = struct.Struct("<Q")


class Look(msgspec.Struct, frozen=True, tag=True):
    """How frames become images from now on.

    region: as in the options. view: of the region in frames of the stream's size. channels: "BGR" or "RGB". rotation:
    degrees clockwise that a player applies. interval: least ticks of the stream clock between two images; 0 for none.
    """

    region: Region
    view: View
    channels: str
    rotation: int
    interval: float


class Feed(msgspec.Struct, frozen=True, tag=True):
    """A packet to decode. pts: unique in the stream. slot: where to write the newest image. restart: packets before it
    are missing; it is a keyframe then. An empty data only asks for what the decoder still holds. wanted: False where
    the packet only serves later ones, and no image is made."""

    pts: int
    slot: int
    restart: bool
    data: bytes
    wanted: bool = True


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The first message of a decoder: it can be fed."""


class Decoded(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """What came out for a packet.

    frames: pts of all frames, in display order. skipped: those of them that are left out by the interval. image: pts of
    the last one that is not, which was written; width, height: of the stored frame, in pixels.
    """

    frames: tuple[int, ...] = ()
    skipped: tuple[int, ...] = ()
    image: int | None = None
    width: Edge = 1
    height: Edge = 1


Answer = Ready | Decoded | Ended


def send_message(channel: socket.socket, message: Look | Feed) -> None:
    """Send the decoder a message."""
    data = msgspec.msgpack.encode(message)
    channel.sendall(_LENGTH.pack(len(data)) + data)


def receive_message(channel: socket.socket) -> Look | Feed | None:
    """The detector's next message; None when it has ended."""
    head = receive_exactly(channel, _LENGTH.size)
    data = None if head is None else receive_exactly(channel, _LENGTH.unpack(head)[0])
    return None if data is None else cast(Look | Feed, msgspec.msgpack.decode(data, type=Look | Feed))
