"""Has a chunk decoded in a process of its own, and never dies of it."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from mmap import mmap
from typing import BinaryIO, cast

import msgspec
import numpy as np

from contracts.errors import DecodeFailed, StorageUnavailable
from contracts.wire.messages import Chunk
from detector.decode.crop import Area
from detector.decode.protocol import MESSAGE_BYTES, STATUS, Descriptors, Ended, Frame, Lost, Message, Order, send_order
from detector.tensors import Image
from detector.view import View
from media.file_handover import handed
from media.sandbox import environment

# Images that wait for the model, so that neither a slow frame nor slow outputs make the other side stand still, and
# the one that it reads.
SLOTS = 8 + 1
LEAST_SLOTS = 2
RING_BYTES = 256 * 1024**2
# A decoder that reads no packet for so long hangs, unless the storage does: those that may pass take less.
SILENT_SECONDS = 300.0
MEMORY_BYTES = 4 * 1024**3
CPU_SECONDS = 600
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
_BROKE = "decoding it broke the decoder: it is damaged, or made to do harm"
_HUNG = "decoding it came to a standstill: it is damaged, or made to do harm"


@dataclass(frozen=True, slots=True)
class Budget:
    """frame_pixels: width times height of a frame; larger ones are left out. pixels: of all frames together."""

    frame_pixels: int
    pixels: int


class Images:
    """The images of a chunk's frames, with their times. Iterate it once.

    An image may be written over once the next is pulled. failure: why there are no more, when that is the video's
    fault; what came before counts.
    """

    def __init__(self, line: socket.socket, order: Order, memory: Image, idle: Callable[[], None]) -> None:
        self._line, self._order, self._memory, self._idle = line, order, memory, idle
        self._status: Callable[[], int] = lambda: 0
        self.failure: str | None = None

    def ended_by(self, status: Callable[[], int]) -> None:
        """How to learn the exit status of a decoder that has closed its line."""
        self._status = status

    def __iter__(self) -> Iterator[tuple[int, Image]]:
        """Raises StorageUnavailable, Lost, and what idle raises."""
        wanted = set(self._order.chunk.times)
        number = 0
        while (message := self._next()) is not None:
            if isinstance(message, Frame):
                if message.time not in wanted:
                    self.failure = _BROKE
                    return
                wanted.remove(message.time)
                yield message.time, self._memory[number % self._order.slots]
                number += 1
                self._release()
            elif isinstance(message, Ended):
                self._end(message)
                return
            else:
                self._idle()

    def _next(self) -> Message | None:
        """What the decoder says next; None when it says nothing any more, and why is known."""
        since = time.monotonic()
        while True:
            try:
                data = self._line.recv(MESSAGE_BYTES)
            except TimeoutError:
                self._idle()
                if time.monotonic() - since > SILENT_SECONDS:
                    self.failure = _HUNG
                    return None
                continue
            except ConnectionResetError:  # it ended before it read all of ours; what it has said is still there
                continue
            if not data:
                status = self._status()
                if status >= 0 or status == -signal.SIGKILL:  # as when the machine runs out of memory
                    raise Lost(f"the decoder was ended from outside (status {status})")
                self.failure = _BROKE
                return None
            try:
                return cast(Message, msgspec.msgpack.decode(data, type=Message))
            except msgspec.DecodeError:
                self.failure = _BROKE
                return None

    def _release(self) -> None:
        try:
            self._line.send(b"\0")
        except OSError:  # it has ended; the next message tells how
            return

    def _end(self, message: Ended) -> None:
        if message.code == DecodeFailed.code:
            self.failure = message.detail
        elif message.code == StorageUnavailable.code:
            raise StorageUnavailable(message.detail)
        elif message.code is not None:
            raise Lost(message.detail)


class Decoders:
    """Processes that decode, one at a time. They come from a nursery, which is started when it is first wanted."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._nursery: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def start(self) -> socket.socket:
        """Have a nursery; the socket to it."""
        if self._line is None:
            self._line, theirs = socket.socketpair()
            with theirs:
                command = [sys.executable, "-m", "detector.decode.fork_server", str(theirs.fileno())]
                self._nursery = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, env=environment(), pass_fds=(theirs.fileno(),)
                )
        return self._line

    def close(self) -> None:
        """End the nursery."""
        if self._line is not None and self._nursery is not None:
            self._line.close()
            self._nursery.kill()
            self._nursery.wait()
        self._line = self._nursery = None

    @contextmanager
    def images(
        self,
        source: BinaryIO,
        chunk: Chunk,
        place: Area,
        view: View,
        channels: str,
        idle: Callable[[], None],
        idle_seconds: float,
    ) -> Iterator[Images]:
        """The images of a chunk's frames, decoded ahead.

        source: the whole video, which another thread may read until the context ends. place: the part of the stored
        frame that the view shows. idle is called about every idle_seconds in which no image came.
        Raises Lost, as iterating does.
        """
        order = self._order(chunk, place, view, channels)
        descriptor, memory = _shared(order.shape)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(max(idle_seconds, 0.001))  # 0 would mean not to wait at all
        images = Images(ours, order, memory, idle)
        with ours, handed(source) as video:
            with theirs:
                try:
                    send_order(self.start(), order, Descriptors(video, descriptor, theirs.fileno()))
                except OSError as error:
                    self.close()
                    raise Lost("the nursery of decoders has ended") from error
                except BaseException:  # such as a time limit: half of an order may be on its way
                    self.close()
                    raise
                finally:
                    os.close(descriptor)
            ending = _Once(self._end)
            images.ended_by(ending)
            try:
                yield images
            finally:
                ending()

    def _order(self, chunk: Chunk, place: Area, view: View, channels: str) -> Order:
        size = view.canvas[0] * view.canvas[1] * 3
        slots = max(LEAST_SLOTS, min(SLOTS, RING_BYTES // size))
        budget = self._budget
        return Order(chunk, place, view, channels, slots, budget.frame_pixels, budget.pixels, MEMORY_BYTES, CPU_SECONDS)

    def _end(self) -> int:
        """End the decoder; its exit status, that of a kill when the nursery is gone with it."""
        answer = b""
        try:
            line = self.start()
            line.sendall(b"\0")
            answer = line.recv(STATUS.size, socket.MSG_WAITALL)
        except OSError:
            pass
        finally:
            if len(answer) < STATUS.size:  # nobody knows what it would answer next
                self.close()
        return int(STATUS.unpack(answer)[0]) if answer else -signal.SIGKILL


class _Once:
    """A call that is made once, and its answer."""

    def __init__(self, call: Callable[[], int]) -> None:
        self._call = call
        self._answer: int | None = None

    def __call__(self) -> int:
        if self._answer is None:
            self._answer = self._call()
        return self._answer


def _shared(shape: tuple[int, ...]) -> tuple[int, Image]:
    """Memory for images of that shape, and its descriptor. Its size is sealed: who could shorten it would end whoever
    reads behind the end."""
    size = int(np.prod(shape))
    descriptor = os.memfd_create("images", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return descriptor, np.frombuffer(mmap(descriptor, size), np.uint8).reshape(shape)
