"""Starts a sandboxed process and reads what it prints, within bounds: one that was taken over prints what it likes."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from contracts.errors import Unavailable
from media.child_environment import environment

TICK_SECONDS = 1.0
# Of messages of the libraries, which go to our log.
MESSAGE_BYTES = 16 * 1024
_PIECE_BYTES = 65536


class TooSlow(Exception):
    """The process has not ended in time."""


class ChildKilled(Unavailable):
    """The process was killed, by the kernel for want of memory or by somebody. That says nothing about what it read,
    unless it happens again and again: its own limits end it otherwise."""


@contextmanager
def started(command: Sequence[str], descriptors: Sequence[int]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process with these descriptors and without our settings; ended with the context."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        pass_fds=tuple(descriptors),
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        for pipe in (child.stdout, child.stderr):
            if pipe:
                pipe.close()


def printed(child: "subprocess.Popen[bytes]", seconds: float, tick: Callable[[], object]) -> Iterator[bytes]:
    """What a process prints, in pieces, until it has ended; the caller bounds how much of it is kept.

    tick: called about every TICK_SECONDS. Raises TooSlow after the seconds, and what tick raises.
    """
    deadline, ticked, messages = time.monotonic() + seconds, time.monotonic(), MESSAGE_BYTES
    with selectors.DefaultSelector() as selector:
        for pipe in filter(None, (child.stdout, child.stderr)):
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(min(TICK_SECONDS, max(0, deadline - time.monotonic()))):
                piece = os.read(key.fd, _PIECE_BYTES)
                if not piece:
                    selector.unregister(key.fileobj)
                elif key.fileobj is child.stdout:
                    yield piece
                else:
                    _pass_on(piece[:messages], sys.stderr)
                    messages -= min(messages, len(piece))
            now = time.monotonic()
            if now > deadline:
                raise TooSlow
            if now - ticked >= TICK_SECONDS:
                ticked = now
                tick()
    try:
        child.wait(max(0, deadline - time.monotonic()))  # it may have closed its output and go on
    except subprocess.TimeoutExpired:
        raise TooSlow from None


def require_alive(status: int) -> None:
    """Raises ChildKilled for the exit status of a process that did not end by itself."""
    if status == -signal.SIGKILL:
        raise ChildKilled("the process that read it was killed: it is read again")


def _pass_on(message: bytes, log: IO[str]) -> None:
    log.write(message.decode(errors="replace"))
    log.flush()
