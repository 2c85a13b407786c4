"""The fork server: a process that has imported all that decoding needs, and forks a decoder for each chunk or stream.

    python -m detector.decode.fork_server DESCRIPTOR

DESCRIPTOR is a socket to the detector. The fork server itself reads no untrusted byte, so that no file can affect
the decoder of another; a decoder is sandboxed (see media.sandbox) before it reads the first. Each runs until the
detector says so or ends.
"""

from contracts.runtime import startup

startup.begin(__name__)

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from mmap import mmap
from typing import NoReturn

import msgspec
import numpy as np

from contracts.errors import DecodeFailed, StorageUnavailable
from contracts.storage.range_reader import watched
from detector.decode.asked_child import AskedDecoder
from detector.decode.crop import Cropper
from detector.decode.frames import ToImage, decode
from detector.decode.live_child import answer
from detector.decode.protocol import (
    DETAIL_CHARACTERS,
    Alive,
    DecodeRequest,
    Descriptors,
    End,
    Ended,
    Exit,
    Frame,
    LiveRequest,
    Message,
    Request,
    Start,
    receive_order,
    send_exit,
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
    with taken(descriptors.source) as source, watched(source) as reader:
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


def _decoder(start: Start, parent: int) -> NoReturn:
    """Run a decoder process."""
    _silence()
    request, descriptors = start.request, start.descriptors
    memory = mmap(descriptors.memory, 0)
    with socket.socket(fileno=descriptors.channel) as channel:
        work = _work(request, descriptors, memory, channel)
        sandbox.enter(sandbox.Bounds(request.memory_bytes, request.cpu_seconds), parent)
        channel.send(msgspec.msgpack.encode(_ended_by(work)))
        os._exit(0)


def _work(request: Request, descriptors: Descriptors, memory: mmap, channel: socket.socket) -> Callable[[], None]:
    """What a decoder does; all that it needs is open."""
    if isinstance(request, LiveRequest):
        packets = socket.socket(fileno=descriptors.source)
        return lambda: answer(request, packets, memory, channel)
    images = np.frombuffer(memory, np.uint8).reshape(request.shape)
    sent = _Channel(channel, request.slots)
    if request.held_bytes is not None:
        return lambda: _answer_asks(descriptors, AskedDecoder(request, images, channel, sent.send), sent)
    return lambda: produce(request, descriptors, images, sent)


def _answer_asks(descriptors: Descriptors, decoder: AskedDecoder, channel: _Channel) -> None:
    with taken(descriptors.source) as source, watched(source) as reader:
        decoder.run(reader, channel.keep_alive)


def _ended_by(work: Callable[[], None]) -> Ended:
    try:
        work()
    except (DecodeFailed, StorageUnavailable) as error:
        return Ended(error.code, error.detail[:DETAIL_CHARACTERS])
    except MemoryError:  # av.error.MemoryError included
        return Ended(DecodeFailed.code, "decoding it takes more memory than is allowed")
    except BaseException as error:
        return Ended("internal", repr(error)[:DETAIL_CHARACTERS])
    return Ended()


def _silence() -> None:
    """Print nothing: nobody bounds what goes to our log."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for printed in (1, 2):
        os.dup2(nothing, printed)
    os.close(nothing)


def serve(detector: socket.socket) -> None:
    """Fork and end decoders until the detector ends."""
    decoders: dict[int, int] = {}  # their process ids by number
    counted = time.process_time()  # without the imports, which no decoder has caused
    while (order := receive_order(detector)) is not None:
        if isinstance(order, End):
            status, cpu_seconds = _end(decoders.pop(order.number))
            own, counted = time.process_time() - counted, time.process_time()
            send_exit(detector, Exit(status, cpu_seconds + own))
            continue
        parent = os.getpid()
        child = os.fork()
        if not child:
            detector.close()
            _decoder(order, parent)
        decoders[order.number] = child
        for descriptor in (order.descriptors.source, order.descriptors.memory, order.descriptors.channel):
            os.close(descriptor)
    for child in decoders.values():
        _end(child)


def _end(child: int) -> Exit:
    """End a decoder. Its CPU time is the kernel's word: a decoder may have been taken over by its video."""
    os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    return Exit(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime)


def main(arguments: list[str]) -> int:
    """Entry point."""
    # A terminal signals its whole process group; the detector still finishes its chunk then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with socket.socket(fileno=int(arguments[0])) as detector:
        serve(detector)
    return 0


if __name__ == "__main__":
    startup.done()
    sys.exit(main(sys.argv[1:]))
