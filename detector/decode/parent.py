"""Decodes a chunk in a process of its own, so that a hostile video cannot crash the detector."""

import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, ClassVar, TypeVar, cast

import msgspec

from contracts.errors import DecodeFailed, StorageUnavailable
from contracts.wire.messages import Chunk
from contracts.wire.runs import parts
from detector.decode.crop import shown_area
from detector.decode.processes import ForkServer, Once, shared_memory
from detector.decode.protocol import (
    BROKE,
    HUNG,
    LOST,
    MESSAGE_BYTES,
    DecodeRequest,
    DecoderLost,
    Descriptors,
    Ended,
    Exit,
    Frame,
    Message,
)
from detector.tensors import Image
from detector.view import View
from media.file_handover import handed
from media.orientation import orientation_of

# Eight images that wait for the model, so that neither side waits for a single slow frame of the other, and the one
# that it reads.
SLOTS = 8 + 1
LEAST_SLOTS = 2
RING_BYTES = 256 * 1024**2
# A decoder that reads no packet for so long is considered hung. Storage timeouts are shorter.
SILENT_SECONDS = 300.0
MEMORY_BYTES = 4 * 1024**3
CPU_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Budget:
    """frame_pixels: most width times height of a frame; larger ones are skipped. pixels: of all frames together."""

    frame_pixels: int
    pixels: int


class Images:
    """The images of a chunk's frames, with their places in the chunk: an iterator.

    An image may be overwritten once the next is pulled. What idle raises passes through, and iteration may go on after
    it. view: the layout of the last image, which changes where frames change their size. failure: why decoding stopped
    early, where the video is the cause; the images before it are valid. cpu_seconds: of the decoder, once it has ended.
    HELD_BYTES: see DecodeRequest.held_bytes.
    """

    HELD_BYTES: ClassVar[int | None] = None

    def __init__(self, channel: socket.socket, request: DecodeRequest, memory: Image, idle: Callable[[], None]) -> None:
        self._channel, self._request, self._memory, self._idle = channel, request, memory, idle
        self._ending: Callable[[], Exit] = lambda: LOST
        self._seen = bytearray(len(request.chunk.times))
        self._number = 0  # of the image that is pulled next
        self._silent = 0.0  # seconds since the decoder's last message in which it was waited for
        self._out = False  # whether the image before it is still being read
        self._over = False
        self.view = request.view
        self.failure: str | None = None
        self.cpu_seconds = 0.0

    def ended_by(self, ending: Callable[[], Exit]) -> None:
        """Set how to end the decoder; it may be called more than once."""
        self._ending = ending

    def close(self) -> None:
        """End the decoder and the iteration, and let go of the caller, who holds this."""
        self.cpu_seconds = self._ending().cpu_seconds
        self._over = True
        self._idle = lambda: None

    def __iter__(self) -> Iterator[tuple[int, Image]]:
        return self

    def __next__(self) -> tuple[int, Image]:
        """Raises StorageUnavailable, DecoderLost, and what idle raises."""
        self._release()
        while not self._over and (message := self._next()) is not None:
            if isinstance(message, Frame) and self._is_new(message.place):
                self._seen[message.place] = 1
                self.view = self._laid_out(message)
                self._out = True
                self._number += 1
                return message.place, self._memory[(self._number - 1) % self._request.slots]
            if isinstance(message, Frame):
                self.failure = BROKE
                break
            if isinstance(message, Ended):
                self._end(message)
                break
            self._idle()
        self._over = True
        raise StopIteration

    def is_ready(self) -> bool:
        """Whether the next image can be pulled without waiting for it."""
        if self._over or not select.select([self._channel], [], [], 0)[0]:
            return False
        try:
            data = self._channel.recv(MESSAGE_BYTES, socket.MSG_PEEK)
            return isinstance(msgspec.msgpack.decode(data, type=Message), Frame)
        except (OSError, msgspec.DecodeError):  # pulling it tells
            return False

    def _is_new(self, place: int) -> bool:
        return 0 <= place < len(self._seen) and not self._seen[place]

    def _next(self) -> Message | None:
        """The decoder's next message; None after the last one, with the failure set."""
        while True:
            since = time.monotonic()
            try:
                data = self._channel.recv(MESSAGE_BYTES)
            except TimeoutError:
                self._silent += time.monotonic() - since
                if self._silent > SILENT_SECONDS:
                    self.failure = HUNG
                    return None
                self._idle()
                continue
            except ConnectionResetError:  # it ended before it read all of ours; its messages can still be received
                continue
            self._silent = 0.0
            if not data:
                status = self._ending().status
                if status >= 0 or status == -signal.SIGKILL:  # such as by the kernel's OOM killer
                    raise DecoderLost(f"the decoder was killed from outside (status {status})")
                self.failure = BROKE
                return None
            try:
                return cast(Message, msgspec.msgpack.decode(data, type=Message))
            except msgspec.DecodeError:
                self.failure = BROKE
                return None

    def _laid_out(self, frame: Frame) -> View:
        chunk = self._request.chunk
        shown = shown_area(chunk.plan.options.region, frame.width, frame.height, orientation_of(chunk))
        return self._request.view.showing((shown.width, shown.height))

    def _release(self) -> None:
        if not self._out:
            return
        self._out = False
        self._send(b"\0")

    def _send(self, data: bytes) -> None:
        try:
            self._channel.send(data)
        except OSError:  # it has ended; the next message says how
            return

    def _end(self, message: Ended) -> None:
        if message.code == DecodeFailed.code:
            self.failure = message.detail
        elif message.code == StorageUnavailable.code:
            raise StorageUnavailable(message.detail)
        elif message.code is not None:
            raise DecoderLost(message.detail)


Kind = TypeVar("Kind", bound=Images)


class Decoders:
    """Decoder processes from a fork server that is started at the first use."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._fork_server = ForkServer()

    def another(self) -> "Decoders":
        """Decoders with the same limits and a fork server of their own, for one that outlives its task."""
        return Decoders(self._budget)

    def start(self) -> None:
        """Start the fork server if it does not run."""
        self._fork_server.start()

    def close(self) -> None:
        """End the fork server."""
        self._fork_server.close()

    @contextmanager
    def images(
        self,
        kind: type[Kind],
        source: BinaryIO,
        chunk: Chunk,
        view: View,
        channels: str,
        idle: Callable[[], None],
        idle_seconds: float,
    ) -> Iterator[Kind]:
        """The images of a chunk's frames, decoded ahead, in the way of a kind.

        source: the whole video; a thread may read it until the context ends. view: of the chunk's region. idle is
        called about every idle_seconds in which no image came.
        Raises DecoderLost, as iterating does.
        """
        request = self._request(chunk, view, channels, kind.HELD_BYTES)
        descriptor, memory = shared_memory(request.shape)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(max(idle_seconds, 0.001))  # 0 would mean not to wait at all
        images = kind(ours, request, memory, idle)
        with ours, handed(source) as video:
            with theirs:
                try:
                    number = self._fork_server.begin(request, Descriptors(video, descriptor, theirs.fileno()))
                finally:
                    os.close(descriptor)
            images.ended_by(Once(lambda: self._fork_server.end(number)))
            try:
                yield images
            finally:
                images.close()

    def _request(self, chunk: Chunk, view: View, channels: str, held_bytes: int | None) -> DecodeRequest:
        size = view.canvas[0] * view.canvas[1] * 3
        slots = max(LEAST_SLOTS, min(SLOTS, RING_BYTES // size))
        budget = self._budget
        limits = (budget.frame_pixels, budget.pixels, MEMORY_BYTES, CPU_SECONDS * len(parts(chunk)))
        return DecodeRequest(chunk, view, channels, slots, *limits, held_bytes)
