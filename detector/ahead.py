"""The next message, opened while the chunk in hand comes to its end.

What is opened holds a decoder that has begun, and nothing else: no lease and no attempt, so there is nothing to give
back. If its message never comes, since the detector stops or another takes it, it is dropped.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from contracts.wire.messages import Chunk

log = logging.getLogger(__name__)

# Its message comes when the chunk in hand ends, which should be soon.
MOST_SECONDS = 30


class Line(Protocol):
    """To the worker's main process, which takes messages: see detector.prefetch."""

    def ask(self) -> None:
        """Ask for one message more than the one in hand."""

    def withdraw(self) -> None:
        """The one in hand is done: ask no more."""


class Opened(Protocol):
    """An attempt that was opened before its message came."""

    def drop(self) -> None:
        """End its decoder."""


class Ahead:
    """At most one opened attempt. A thread opens it, the worker's thread takes it."""

    def __init__(self, line: Line | None = None) -> None:
        self._line = line
        self._asked = False
        self._changed = threading.Condition()
        self._opening: Chunk | None = None
        self._taken: Chunk | None = None  # the last message
        self._opened: tuple[Chunk, Opened, float] | None = None  # with the time

    def ask(self) -> None:
        """The chunk in hand comes to its end: ask for the next message."""
        if self._line is not None and not self._asked:
            self._asked = True
            self._line.ask()

    def over(self) -> None:
        """The chunk in hand has ended."""
        if self._line is not None and self._asked:
            self._asked = False
            self._line.withdraw()

    def open(self, message: Chunk, opened: Callable[[], Opened | None]) -> None:
        """Open a message that will come next, unless it has come already."""
        with self._changed:
            if message == self._taken:
                return
            self._opening = message
        made: Opened | None = None
        try:
            made = opened()
        finally:
            with self._changed:
                old, self._opened = self._opened, None if made is None else (message, made, time.monotonic())
                self._opening = None
                self._changed.notify_all()
            _drop(old)

    def take(self, message: Chunk) -> Opened | None:
        """What was opened for a message that has come; it is waited for."""
        with self._changed:
            self._changed.wait_for(lambda: self._opening != message)
            self._taken = message
            if self._opened is None or self._opened[0] != message:
                return None
            _, made, _ = self._opened
            self._opened = None
            return made

    def peek(self) -> Opened | None:
        """What is opened."""
        with self._changed:
            return self._opened and self._opened[1]

    def tidy(self) -> None:
        """Drop what was opened too long ago."""
        with self._changed:
            if self._opened is None or time.monotonic() - self._opened[2] < MOST_SECONDS:
                return
            old, self._opened = self._opened, None
        _drop(old)


def _drop(old: tuple[Chunk, Opened, float] | None) -> None:
    if old is None:
        return
    message, made, _ = old
    log.info("chunk %d of job %s was opened ahead in vain", message.index, message.job_id)
    try:
        made.drop()
    except Exception as error:  # such as a storage that could not be read: nobody needs it any more
        log.debug("closing it: %r", error)
