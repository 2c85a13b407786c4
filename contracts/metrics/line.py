"""From the processes that compute to the one that answers scrapes: a socket pair, made before the fork.

Any process that has the pair may send, and one of them receives: a worker's main process, or whichever process of the
api has the port. What cannot be sent for now is kept and sent with what comes next, so a slow receiver loses nothing
and holds up nobody.
"""

import socket
import threading
import time
from collections.abc import Iterator, Sequence

import msgspec

from contracts.metrics.table import Metric
from contracts.metrics.totals import Counts, Row, Totals

_FLUSH_SECONDS = 1.0
_MOST_ROWS = 100  # of a message, which a socket takes whole
_MOST_BYTES = 1 << 17


class Line:
    """The socket pair."""

    def __init__(self) -> None:
        self._receiving, self._sending = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._sending.setblocking(False)

    def send(self, rows: Sequence[Row]) -> bool:
        """Send rows; False where the receiver has too many already."""
        try:
            self._sending.send(msgspec.msgpack.encode(rows))
        except BlockingIOError:
            return False
        except OSError:  # the receiver has ended, and this process is about to
            return True
        return True

    def received(self, seconds: float) -> Iterator[list[Row]]:
        """What is sent within so many seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._receiving.settimeout(left)
            try:
                yield msgspec.msgpack.decode(self._receiving.recv(_MOST_BYTES), type=list[Row])
            except TimeoutError:
                return

    def close(self) -> None:
        """Close both sides, as far as this process has them."""
        self._receiving.close()
        self._sending.close()


class Sent(Counts):
    """Counts here and sends it, once a second at most; `flush` sends what is left."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._totals = Totals()
        self._flushing = threading.Lock()
        self._due = 0.0

    def add(self, metric: Metric, value: float = 1.0, *labels: str) -> None:
        self._totals.add(metric, value, *labels)
        if time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        """Send all of it, or as much as the receiver takes now."""
        with self._flushing:
            self._due = time.monotonic() + _FLUSH_SECONDS
            rows = self._totals.take()
            for start in range(0, len(rows), _MOST_ROWS):
                if not self._line.send(rows[start : start + _MOST_ROWS]):
                    self._totals.merge(rows[start:])
                    return
