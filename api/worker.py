"""gunicorn's ASGI worker, which tells the application at once that it shall end.

Its lifespan says so only when all connections are done, and a stream of events never is.
"""

from collections.abc import Callable

from gunicorn.workers.gasgi import ASGIWorker

# Called in the event loop.
on_stop: list[Callable[[], None]] = []


class Worker(ASGIWorker):  # type: ignore[misc]
    """For gunicorn's option -k."""

    def handle_exit_signal(self) -> None:
        """End in order; called by SIGTERM."""
        super().handle_exit_signal()
        for call in on_stop:
            call()
