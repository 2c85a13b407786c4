"""gunicorn's ASGI worker, with what it lacks.

It tells the application at once that it shall end: its lifespan says so only when all connections are done, and a
stream of events never is. And it does not wait for ever for a first request: who opens connections and says nothing,
or a letter now and then, would have them all.
"""

import resource
from asyncio import Transport
from collections.abc import Callable

from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

# Called in the event loop.
on_stop: list[Callable[[], None]] = []
# Of the first request of a connection, until its headers are complete; later ones have the time of --keep-alive.
HEADERS_SECONDS = 10


class Protocol(ASGIProtocol):  # type: ignore[misc]
    """One connection."""

    def connection_made(self, transport: Transport) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._late = self.worker.loop.call_later(HEADERS_SECONDS, self._first_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._late.cancel()
        super().connection_lost(exc)

    def _first_is_late(self) -> None:
        if self._awaiting_request and self.req_count <= 1:
            self._keepalive_timeout()


class Worker(gasgi.ASGIWorker):  # type: ignore[misc]
    """For gunicorn's option -k."""

    def init_process(self) -> None:
        """Prepare the process, and serve."""
        gasgi.ASGIProtocol = Protocol  # it offers no other way
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection takes one
        super().init_process()

    def handle_exit_signal(self) -> None:
        """End in order; called by SIGTERM."""
        super().handle_exit_signal()
        for call in on_stop:
            call()
