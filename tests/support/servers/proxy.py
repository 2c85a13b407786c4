"""A TCP proxy on loopback in front of a service, whose connections break where a test wants it."""

import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Literal

Deed = Literal["cut", "hang"]

_BYTES = 16_384


class Proxy:
    """Passes all on to a port of 127.0.0.1, and does the deeds. Use as a context manager.

    deeds: (offset, deed) in rising order, the offset counted over all that clients send. A connection that carries the
    byte at an offset is cut there, or hangs there for good with what was sent so far passed on.
    pause: how long each part, of 16 KiB at most, is held back, in seconds, whichever way it goes.
    """

    def __init__(
        self, port: int, deeds: Iterable[tuple[int, Deed]] = (), pause: Callable[[], float] = lambda: 0
    ) -> None:
        self._target = port
        self._pause = pause
        self._deeds = list(deeds)
        self._sent = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.hangs = threading.Event()

    def __enter__(self) -> "Proxy":
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the one that accepts
        self._threads[0].join(30)
        self._listener.close()
        for connection in self._open:
            self._end(connection)
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
        for connection in self._open:
            connection.close()

    @property
    def left(self) -> int:
        """How many deeds have not been done."""
        return len(self._deeds)

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._target), timeout=30)
                except OSError:
                    client.close()
                    continue
                server.settimeout(None)
                self._open += [client, server]
                self._run(self._pass_up, client, server)
                self._run(self._pass_down, client, server)

    def _pass_down(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while part := server.recv(_BYTES):
                time.sleep(self._pause())
                client.sendall(part)
        self._end(client)

    def _pass_up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while part := client.recv(_BYTES):
                time.sleep(self._pause())
                room, deed = self._before(len(part))
                server.sendall(part[:room])
                if deed == "hang":
                    self.hangs.set()
                    return
                if deed == "cut":
                    self._end(client)
                    break
        self._end(server)

    def _before(self, size: int) -> tuple[int, Deed | None]:
        """How much of the next part is passed on, and what is done then."""
        with self._lock:
            if not self._deeds or self._sent + size <= self._deeds[0][0]:
                self._sent += size
                return size, None
            offset, deed = self._deeds.pop(0)
            room = max(0, offset - self._sent)
            self._sent += room
            return room, deed

    def _end(self, connection: socket.socket) -> None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # wakes the other thread too
