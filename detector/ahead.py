"""Work that runs ahead of who needs it, in a thread of its own, by a few items at most."""

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """Nobody wants the items any more."""


class _End:
    """The last thing in the queue. error: what ended the work, None when it was done."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Ahead(Generic[T]):
    """Items made in a thread. Iterate it, from one thread, once."""

    def __init__(self, room: int, idle: Callable[[], None], idle_seconds: float) -> None:
        self._queue: queue.Queue[T | _End] = queue.Queue(room)
        self._stop = threading.Event()
        self._idle = idle
        self._idle_seconds = idle_seconds

    def __iter__(self) -> Iterator[T]:
        while True:
            try:
                item = self._queue.get(timeout=self._idle_seconds)
            except queue.Empty:
                self._idle()
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def check(self) -> None:
        """For the work, wherever it may take long. Raises Stopped when nobody waits for it."""
        if self._stop.is_set():
            raise Stopped

    def work(self, items: Generator[T, None, None]) -> None:
        """Fill the queue: what the thread does."""
        end = _End(None)
        try:
            with closing(items):
                for item in items:
                    self._queue.put(item)  # waits while there is no room; stop() makes some
                    self.check()
        except Stopped:
            pass
        except BaseException as error:
            end = _End(error)
        self._queue.put(end)

    def stop(self, thread: threading.Thread) -> None:
        """End the work and wait until it has."""
        self._stop.set()
        while thread.is_alive():
            with suppress(queue.Empty):
                self._queue.get_nowait()  # room for what it wants to put
            thread.join(0.01)


@contextmanager
def ahead(
    make: Callable[[Callable[[], None]], Generator[T, None, None]],
    room: int,
    idle: Callable[[], None],
    idle_seconds: float,
) -> Iterator[Iterator[T]]:
    """The items of a generator, made in a thread that is at most `room` of them ahead.

    make(check) gives the generator; it calls check now and then, and lets through what that raises. idle is called
    every idle_seconds in which no item came. What the generator raises comes out of the iterator, and so does
    what idle raises. When the context ends the thread has ended, and the generator is closed.
    """
    items: Ahead[T] = Ahead(room, idle, idle_seconds)
    thread = threading.Thread(target=items.work, args=(make(items.check),), name="ahead", daemon=True)
    thread.start()
    try:
        yield iter(items)
    finally:
        items.stop(thread)
