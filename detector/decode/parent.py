"""Decodes a chunk in a process of its own, so that a hostile video cannot crash the detector."""

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
from contracts.wire.runs import parts
from detector.decode.crop import shown_area
from detector.decode.protocol import (
    MESSAGE_BYTES,
    STATUS,
    DecodeRequest,
    DecoderLost,
    Descriptors,
    Ended,
    Frame,
    Message,
    send_request,
)
from detector.tensors import Image
from detector.view import View
from media.child_environment import environment
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
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
_BROKE = "decoding it broke the decoder: it is damaged, or made to do harm"
_HUNG = "decoding it came to a standstill: it is damaged, or made to do harm"


@dataclass(frozen=True, slots=True)
class Budget:
    """frame_pixels: most width times height of a frame; larger ones are skipped. pixels: of all frames together."""

    frame_pixels: int
    pixels: int


class Images:
    """The images of a chunk's frames, with their places in the chunk: an iterator.

    An image may be overwritten once the next is pulled. What idle raises passes through, and iteration may go on after
    it. view: the layout of the last image, which changes where frames change their size. failure: why decoding stopped
    early, where the video is the cause; the images before it are valid.
    """

    def __init__(self, channel: socket.socket, request: DecodeRequest, memory: Image, idle: Callable[[], None]) -> None:
        self._channel, self._request, self._memory, self._idle = channel, request, memory, idle
        self._status: Callable[[], int] = lambda: 0
        self._seen = bytearray(len(request.chunk.times))
        self._number = 0  # of the image that is pulled next
        self._silent = 0.0  # seconds since the decoder's last message in which it was waited for
        self._out = False  # whether the image before it is still being read
        self._over = False
        self.view = request.view
        self.failure: str | None = None

    def ended_by(self, status: Callable[[], int]) -> None:
        """Set how to get the exit status of a decoder that has closed its socket."""
        self._status = status

    def close(self) -> None:
        """End the iteration, and let go of the caller, who holds this."""
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
                self.failure = _BROKE
                break
            if isinstance(message, Ended):
                self._end(message)
                break
            self._idle()
        self._over = True
        raise StopIteration

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
                    self.failure = _HUNG
                    return None
                self._idle()
                continue
            except ConnectionResetError:  # it ended before it read all of ours; its messages can still be received
                continue
            self._silent = 0.0
            if not data:
                status = self._status()
                if status >= 0 or status == -signal.SIGKILL:  # such as by the kernel's OOM killer
                    raise DecoderLost(f"the decoder was killed from outside (status {status})")
                self.failure = _BROKE
                return None
            try:
                return cast(Message, msgspec.msgpack.decode(data, type=Message))
            except msgspec.DecodeError:
                self.failure = _BROKE
                return None

    def _laid_out(self, frame: Frame) -> View:
        chunk = self._request.chunk
        shown = shown_area(chunk.plan.options.region, frame.width, frame.height, orientation_of(chunk))
        return self._request.view.showing((shown.width, shown.height))

    def _release(self) -> None:
        if not self._out:
            return
        self._out = False
        try:
            self._channel.send(b"\0")
        except OSError:  # it has ended; the next message says how
            return

    def _end(self, message: Ended) -> None:
        if message.code == DecodeFailed.code:
            self.failure = message.detail
        elif message.code == StorageUnavailable.code:
            raise StorageUnavailable(message.detail)
        elif message.code is not None:
            raise DecoderLost(message.detail)


class Decoders:
    """Decoder processes, one at a time, from a fork server that is started at the first use."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._fork_server: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def another(self) -> "Decoders":
        """Decoders with the same limits and a fork server of their own, for one that outlives its task."""
        return Decoders(self._budget)

    def start(self) -> socket.socket:
        """Start the fork server if it does not run; the socket to it."""
        if self._channel is None:
            self._channel, theirs = socket.socketpair()
            with theirs:
                command = [sys.executable, "-m", "detector.decode.fork_server", str(theirs.fileno())]
                self._fork_server = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, env=environment(), pass_fds=(theirs.fileno(),)
                )
        return self._channel

    def close(self) -> None:
        """End the fork server."""
        if self._channel is not None and self._fork_server is not None:
            self._channel.close()
            self._fork_server.kill()
            self._fork_server.wait()
        self._channel = self._fork_server = None

    @contextmanager
    def images(
        self,
        source: BinaryIO,
        chunk: Chunk,
        view: View,
        channels: str,
        idle: Callable[[], None],
        idle_seconds: float,
    ) -> Iterator[Images]:
        """The images of a chunk's frames, decoded ahead.

        source: the whole video; a thread may read it until the context ends. view: of the chunk's region. idle is
        called about every idle_seconds in which no image came.
        Raises DecoderLost, as iterating does.
        """
        request = self._request(chunk, view, channels)
        descriptor, memory = _shared(request.shape)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(max(idle_seconds, 0.001))  # 0 would mean not to wait at all
        images = Images(ours, request, memory, idle)
        with ours, handed(source) as video:
            with theirs:
                try:
                    send_request(self.start(), request, Descriptors(video, descriptor, theirs.fileno()))
                except OSError as error:
                    self.close()
                    raise DecoderLost("the fork server of the decoders has ended") from error
                except BaseException:  # such as a time limit: the request may be sent by half
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
                images.close()

    def _request(self, chunk: Chunk, view: View, channels: str) -> DecodeRequest:
        size = view.canvas[0] * view.canvas[1] * 3
        slots = max(LEAST_SLOTS, min(SLOTS, RING_BYTES // size))
        budget = self._budget
        limits = (budget.frame_pixels, budget.pixels, MEMORY_BYTES, CPU_SECONDS * len(parts(chunk)))
        return DecodeRequest(chunk, view, channels, slots, *limits)

    def _end(self) -> int:
        """End the decoder; its exit status, or that of SIGKILL where the fork server has ended too."""
        answer = b""
        try:
            channel = self.start()
            channel.sendall(b"\0")
            answer = channel.recv(STATUS.size, socket.MSG_WAITALL)
        except OSError:
            pass
        finally:
            if len(answer) < STATUS.size:  # its next answer would be out of step
                self.close()
        return int(STATUS.unpack(answer)[0]) if answer else -signal.SIGKILL


class _Once:
    """Makes a call once and keeps its result."""

    def __init__(self, call: Callable[[], int]) -> None:
        self._call = call
        self._answer: int | None = None

    def __call__(self) -> int:
        if self._answer is None:
            self._answer = self._call()
        return self._answer


def _shared(shape: tuple[int, ...]) -> tuple[int, Image]:
    """Shared memory for images of that shape, uint8, and its file descriptor.

    Its size is sealed: a decoder that could truncate it would crash the detector with SIGBUS.
    """
    size = int(np.prod(shape))
    descriptor = os.memfd_create("images", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return descriptor, np.frombuffer(mmap(descriptor, size), np.uint8).reshape(shape)
