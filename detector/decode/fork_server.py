"""Where decoders come from: a process that has imported all that decoding needs, and forks one for each chunk.

    python -m detector.decode.fork_server DESCRIPTOR

DESCRIPTOR is a socket to the detector. The nursery itself reads no foreign byte, so that no file can reach
another's decoder; a decoder is shut in (see media.sandbox) before it reads the first. Each lives until the
detector says a byte, or is gone itself; what became of it is answered.
"""

import os
import signal
import socket
import sys
import time
from mmap import mmap
from typing import NoReturn

import msgspec
import numpy as np

from contracts.errors import DecodeFailed, StorageUnavailable
from contracts.storage.range_reader import watched
from detector.decode.crop import Crop
from detector.decode.frames import ToImage, decode
from detector.decode.protocol import (
    DETAIL_CHARACTERS,
    STATUS,
    Alive,
    Descriptors,
    Ended,
    Frame,
    Message,
    Order,
    receive_order,
)
from detector.tensors import Image
from media import sandbox
from media.file_handover import taken

_ALIVE_SECONDS = 1.0


class _Line:
    """The decoder's side of its socket to the detector."""

    def __init__(self, line: socket.socket, slots: int) -> None:
        self._line = line
        self._free = slots
        self._said = time.monotonic()

    def say(self, message: Message) -> None:
        self._line.send(msgspec.msgpack.encode(message))
        self._said = time.monotonic()

    def alive(self) -> None:
        if time.monotonic() - self._said > _ALIVE_SECONDS:
            self.say(Alive())

    def room(self) -> None:
        """Wait until the next image may be written."""
        while not self._free:
            self._free += len(self._line.recv(1))
        self._free -= 1


def produce(order: Order, descriptors: Descriptors, images: Image, line: _Line) -> None:
    """Decode. images: uint8 [slots, height, width, 3]. Raises DecodeFailed, StorageUnavailable, MemoryError."""
    crop = Crop(order.place)
    to_image = ToImage(order.chunk.rotation, order.view, order.channels)
    number = pixels = 0
    with taken(descriptors.video) as source, watched(source) as reader:
        for moment, frame in decode(reader, order.chunk, line.alive):
            size = frame.width * frame.height  # which may change from one to the next
            pixels += size
            if pixels > order.pixels:
                raise DecodeFailed(f"its frames have more than {order.pixels} pixels together")
            if size > order.frame_pixels:
                continue
            image = to_image(crop(frame))
            line.room()
            images[number % order.slots] = image
            line.say(Frame(moment))
            number += 1


def _decoder(order: Order, descriptors: Descriptors, parent: int) -> NoReturn:
    """The process of one chunk."""
    images = np.frombuffer(mmap(descriptors.memory, 0), np.uint8).reshape(order.shape)
    line = _Line(socket.socket(fileno=descriptors.line), order.slots)
    sandbox.enter(sandbox.Bounds(order.memory_bytes, order.cpu_seconds), parent)
    ended = Ended()
    try:
        produce(order, descriptors, images, line)
    except (DecodeFailed, StorageUnavailable) as error:
        ended = Ended(error.code, error.detail[:DETAIL_CHARACTERS])
    except MemoryError:  # and that of FFmpeg, which is one too
        ended = Ended(DecodeFailed.code, "decoding it takes more memory than is allowed")
    except BaseException as error:
        ended = Ended("internal", repr(error)[:DETAIL_CHARACTERS])
    line.say(ended)
    os._exit(0)


def serve(detector: socket.socket) -> None:
    """Decoders, one after the other, until the detector is gone."""
    while (received := receive_order(detector)) is not None:
        order, descriptors = received
        parent = os.getpid()
        child = os.fork()
        if not child:
            detector.close()
            _decoder(order, descriptors, parent)
        for descriptor in (descriptors.video, descriptors.memory, descriptors.line):
            os.close(descriptor)
        wanted = detector.recv(1)
        os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if wanted:
            detector.sendall(STATUS.pack(status))


def main(arguments: list[str]) -> int:
    """Entry point."""
    # A terminal tells its whole group; the detector finishes its chunk then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with socket.socket(fileno=int(arguments[0])) as detector:
        serve(detector)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
