"""The fork server: a process that has imported all that decoding needs, and forks one decoder for each chunk.

    python -m detector.decode.fork_server DESCRIPTOR

DESCRIPTOR is a socket to the detector. The fork server itself reads no untrusted byte, so that no file can affect
the decoder of another; a decoder is sandboxed (see media.sandbox) before it reads the first. Each runs until the
detector sends a byte or ends; the fork server answers the byte with the decoder's exit status.
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
from detector.decode.crop import Cropper
from detector.decode.frames import ToImage, decode
from detector.decode.protocol import (
    DETAIL_CHARACTERS,
    STATUS,
    Alive,
    DecodeRequest,
    Descriptors,
    Ended,
    Frame,
    Message,
    receive_request,
)
from detector.tensors import Image
from media import sandbox
from media.file_handover import taken
from media.orientation import orientation_of

_ALIVE_SECONDS = 1.0


class _Channel:
    """The decoder's end of its socket to the detector."""

    def __init__(self, channel: socket.socket, slots: int) -> None:
        self._channel = channel
        self._free = slots
        self._last_sent = time.monotonic()

    def send(self, message: Message) -> None:
        self._channel.send(msgspec.msgpack.encode(message))
        self._last_sent = time.monotonic()

    def keep_alive(self) -> None:
        if time.monotonic() - self._last_sent > _ALIVE_SECONDS:
            self.send(Alive())

    def wait_for_slot(self) -> None:
        """Wait until the next image may be written."""
        while not self._free:
            self._free += len(self._channel.recv(1))
        self._free -= 1


def produce(request: DecodeRequest, descriptors: Descriptors, images: Image, channel: _Channel) -> None:
    """Decode a chunk into images, uint8 (slots, H, W, 3). Raises DecodeFailed, StorageUnavailable, MemoryError."""
    orientation = orientation_of(request.chunk)
    crop = Cropper(request.chunk.plan.options.region, orientation)
    to_image = ToImage(orientation, request.view, request.channels, crop)
    number = pixels = 0
    with taken(descriptors.video) as source, watched(source) as reader:
        for place, frame in decode(reader, request.chunk, channel.keep_alive):
            size = frame.width * frame.height  # may change between frames
            pixels += size
            if pixels > request.pixels:
                raise DecodeFailed(f"its frames have more than {request.pixels} pixels together")
            if size > request.frame_pixels:
                continue
            image = to_image(frame)
            channel.wait_for_slot()
            images[number % request.slots] = image
            channel.send(Frame(place, frame.width, frame.height))
            number += 1


def _decoder(request: DecodeRequest, descriptors: Descriptors, parent: int) -> NoReturn:
    """Run the decoder process of one chunk."""
    _silence()
    images = np.frombuffer(mmap(descriptors.memory, 0), np.uint8).reshape(request.shape)
    channel = _Channel(socket.socket(fileno=descriptors.channel), request.slots)
    sandbox.enter(sandbox.Bounds(request.memory_bytes, request.cpu_seconds), parent)
    ended = Ended()
    try:
        produce(request, descriptors, images, channel)
    except (DecodeFailed, StorageUnavailable) as error:
        ended = Ended(error.code, error.detail[:DETAIL_CHARACTERS])
    except MemoryError:  # av.error.MemoryError included
        ended = Ended(DecodeFailed.code, "decoding it takes more memory than is allowed")
    except BaseException as error:
        ended = Ended("internal", repr(error)[:DETAIL_CHARACTERS])
    channel.send(ended)
    os._exit(0)


def _silence() -> None:
    """Print nothing: nobody bounds what goes to our log."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for printed in (1, 2):
        os.dup2(nothing, printed)
    os.close(nothing)


def serve(detector: socket.socket) -> None:
    """Fork one decoder after the other until the detector ends."""
    while (received := receive_request(detector)) is not None:
        request, descriptors = received
        parent = os.getpid()
        child = os.fork()
        if not child:
            detector.close()
            _decoder(request, descriptors, parent)
        for descriptor in (descriptors.video, descriptors.memory, descriptors.channel):
            os.close(descriptor)
        asked = detector.recv(1)
        os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if asked:
            detector.sendall(STATUS.pack(status))


def main(arguments: list[str]) -> int:
    """Entry point."""
    # A terminal signals its whole process group; the detector still finishes its chunk then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with socket.socket(fileno=int(arguments[0])) as detector:
        serve(detector)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
