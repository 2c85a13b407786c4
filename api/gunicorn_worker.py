"""gunicorn's ASGI worker with two additions.

On SIGTERM it runs the `on_stop` callbacks at once: the lifespan shutdown comes only after all connections have closed,
and event streams never close. And it limits the wait for the first request of a connection, so that idle or very slow
clients cannot take all connections (slowloris).
"""

import resource
from asyncio import Transport
from collections.abc import Callable

from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

# Callbacks for SIGTERM, called in the event loop.
on_stop: list[Callable[[], None]] = []
# Limit for the complete headers of the first request of a connection; later requests have that of --keep-alive.
HEADERS_SECONDS = 10


class Protocol(ASGIProtocol):  # type: ignore[misc]
    """One connection."""

    def connection_made(self, transport: Transport) -> None:
        """Start the timeout for the first request."""
        super().connection_made(transport)
        self._late = self.worker.loop.call_later(HEADERS_SECONDS, self._first_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timeout."""
        self._late.cancel()
        super().connection_lost(exc)

    def _first_is_late(self) -> None:
        if self._awaiting_request and self.req_count <= 1:
            self._keepalive_timeout()


class Worker(gasgi.ASGIWorker):  # type: ignore[misc]
    """Worker class for gunicorn's option -k."""

    def init_process(self) -> None:
        """Raise the limit of open files, then serve."""
        gasgi.ASGIProtocol = Protocol  # there is no hook for it
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each connection needs one
        super().init_process()

    def handle_exit_signal(self) -> None:
        """Shut down gracefully on SIGTERM."""
        super().handle_exit_signal()
        for call in on_stop:
            call()
