"""The detector's side of its fork server, and the memory that it shares with decoders."""

import fcntl
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import count
from mmap import mmap

import numpy as np

from detector.decode.protocol import (
    LOST,
    DecoderLost,
    Descriptors,
    End,
    Exit,
    Request,
    Start,
    receive_exit,
    send_end,
    send_start,
)
from detector.tensors import Image
from media.child_environment import environment

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class ForkServer:
    """The process that forks decoders, started at the first use. Several threads may use it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._numbers = count(1)
        self._first = 1  # number of the first decoder of the process that runs now
        self._lock = threading.RLock()

    def start(self) -> None:
        """Start it if it does not run."""
        self._started()

    def begin(self, request: Request, descriptors: Descriptors) -> int:
        """Start a decoder; its number. Raises DecoderLost where the fork server has ended; the next call starts it."""
        with self._lock:
            channel = self._started()
            number = next(self._numbers)
            try:
                send_start(channel, Start(number, request, descriptors))
            except OSError as error:
                self.close()
                raise DecoderLost("the fork server of the decoders has ended") from error
            except BaseException:  # such as a time limit: the request may be sent by half
                self.close()
                raise
            return number

    def end(self, number: int) -> Exit:
        """End a decoder; LOST where the fork server has ended too."""
        with self._lock:
            if self._channel is None or number < self._first:
                return LOST
            ended: Exit | None = None
            try:
                send_end(self._channel, End(number))
                ended = receive_exit(self._channel)
            except OSError:
                pass
            finally:
                if ended is None:  # its next answer would be out of step
                    self.close()
            return ended or LOST

    def close(self) -> None:
        """End it, and so all its decoders."""
        with self._lock:
            if self._channel is not None and self._process is not None:
                self._channel.close()
                self._process.kill()
                self._process.wait()
            self._channel = self._process = None

    def _started(self) -> socket.socket:
        with self._lock:
            if self._channel is None:
                self._first = next(self._numbers)
                self._channel, theirs = socket.socketpair()
                with theirs:
                    command = [sys.executable, "-m", "detector.decode.fork_server", str(theirs.fileno())]
                    self._process = subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, env=environment(), pass_fds=(theirs.fileno(),)
                    )
            return self._channel


class Once:
    """Makes a call once and keeps its result."""

    def __init__(self, call: Callable[[], Exit]) -> None:
        self._call = call
        self._answer: Exit | None = None

    def __call__(self) -> Exit:
        if self._answer is None:
            self._answer = self._call()
        return self._answer


def shared_memory(shape: tuple[int, ...]) -> tuple[int, Image]:
    """Shared memory for images of that shape, uint8, and its file descriptor.

    Its size is sealed: a decoder that could truncate it would crash the detector with SIGBUS.
    """
    size = int(np.prod(shape))
    descriptor = os.memfd_create("images", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return descriptor, np.frombuffer(mmap(descriptor, size), np.uint8).reshape(shape)
