"""One message more than the one in hand, just before that ends.

Celery's main process takes messages; its child, which computes, gets one when it has returned from the one before. Over
a socket pair, made before the fork, the child asks for the next when a chunk comes to its end. The main process takes
it from the broker, holds it as any message that waits for a child, unacknowledged, and tells the child what it is. So
whatever happens to either of them, the broker has the message as always.
"""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
from celery import bootsteps
from celery.signals import task_received

log = logging.getLogger(__name__)

_ASK, _WITHDRAW = b"+", b"-"
_MOST_BYTES = 1 << 20


class Line:
    """The socket pair. It loses what the other side does not read in time, since it only makes things faster."""

    def __init__(self) -> None:
        self._main, self._child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._main.setblocking(False)

    def close(self) -> None:
        """Close both sides, as far as this process has them."""
        self._main.close()
        self._child.close()

    def fileno(self) -> int:
        """Of the main process's side."""
        return self._main.fileno()

    def ask(self) -> None:
        """See detector.ahead.Line."""
        self._send(self._child, _ASK)

    def withdraw(self) -> None:
        """See detector.ahead.Line."""
        self._send(self._child, _WITHDRAW)

    def tell(self, body: bytes) -> None:
        """In the main process: say which message the child gets next."""
        self._send(self._main, body)

    def asks(self) -> Iterator[bool]:
        """In the main process: what the child has said since, True for a question, False when it is withdrawn."""
        with suppress(BlockingIOError):
            while said := self._main.recv(1):
                yield said == _ASK

    def bodies(self, seconds: float) -> Iterator[bytes | None]:
        """In the child: the messages that it gets next, None whenever none came for so long."""
        self._child.settimeout(seconds)
        while True:
            try:
                yield self._child.recv(_MOST_BYTES)
            except TimeoutError:
                yield None

    @staticmethod
    def _send(side: socket.socket, said: bytes) -> None:
        with suppress(OSError):  # too long, or it is full
            side.send(said, socket.MSG_DONTWAIT)


class Window:
    """How many messages Celery's consumer may hold: one, and while it is open another one."""

    def __init__(self, qos: Any) -> None:
        self._qos = qos
        self.is_open = False

    def set(self, is_open: bool) -> None:
        """Open or close it."""
        if is_open and not self.is_open:
            self._qos.increment_eventually()
        elif self.is_open and not is_open:
            self._qos.decrement_eventually()
        self.is_open = is_open


def prefetch_step(line: Line) -> type[bootsteps.StartStopStep]:
    """A step for `app.steps["consumer"]` that does what the child asks over the line."""

    def start(self: Any, consumer: Any) -> None:
        window = Window(consumer.qos)
        self.window = window

        def received(request: Any, **_: Any) -> None:
            if window.is_open and not request.eta:
                window.set(False)
                line.tell(_as_bytes(request.body))

        self.received = received
        task_received.connect(received, sender=consumer)

    def stop(self: Any, _: Any) -> None:
        if received := getattr(self, "received", None):
            task_received.disconnect(received)

    def register_with_event_loop(self: Any, consumer: Any, hub: Any) -> None:
        def readable(*_: Any) -> None:
            for asked in line.asks():
                self.window.set(asked)

        hub.add_reader(line.fileno(), readable)

    members = {
        "requires": ("celery.worker.consumer.tasks:Tasks",),
        "start": start,
        "stop": stop,
        "register_with_event_loop": register_with_event_loop,
    }
    return type("Prefetch", (bootsteps.StartStopStep,), members)


def listen(line: Line, open_message: Callable[[Any], None], tidy: Callable[[], None]) -> None:
    """In the child: open the messages that come next, until the process ends. tidy: called now and then.

    open_message: takes a task's argument.
    """
    for body in line.bodies(seconds=5):
        try:
            if body is None:
                tidy()
            else:
                [[argument], *_] = msgspec.json.decode(body)
                open_message(argument)
        except Exception as error:  # the task finds it out, and says so
            log.debug("cannot open the next message: %r", error)


def _as_bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)
