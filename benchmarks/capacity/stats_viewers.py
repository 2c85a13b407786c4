"""Very many WebSocket viewers that want the state of streams and no pictures: what they cost one api process, and
whether any falls behind.

    make bench-stats-viewers [VIEWERS=1000] [SECONDS=20]

A viewer gets a message `stats` once a second. Each user may have 64 viewers in a process, so there are as many users
as are needed; each watches a stream of their own.
"""

import selectors
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import record
from tests.support.live.live_api import LiveApi, Watcher
from tests.support.live.websocket import WebSocket
from tests.support.servers.valkey import Valkey

_OF_A_USER = 50
_START = {"type": "start", "media": False, "results": False}
_STATS = b'"type":"stats"'
_WARM_SECONDS = 5


def connect(api: LiveApi, viewers: int) -> list[WebSocket]:
    """The viewers, who have said what they want."""
    sockets: list[WebSocket] = []
    while len(sockets) < viewers:
        user: Watcher = api.user()
        stream = user.stream()
        for _ in range(min(_OF_A_USER, viewers - len(sockets))):
            sockets.append(user.watch(stream))
            sockets[-1].send(_START)
    return sockets


def read(sockets: Sequence[socket.socket], seconds: float) -> "Counter[int]":
    """How many messages `stats` each viewer, by its place, has got in that time, or until all are closed."""
    came: Counter[int] = Counter()
    tails = [b""] * len(sockets)  # a message may be cut between two reads
    with selectors.DefaultSelector() as ready:
        for place, one in enumerate(sockets):
            ready.register(one, selectors.EVENT_READ, place)
        end = time.monotonic() + seconds
        while ready.get_map() and (left := end - time.monotonic()) > 0:
            for key, _ in ready.select(left):
                data = sockets[key.data].recv(65536)
                if not data:  # closed: it would be ready for ever
                    ready.unregister(key.fileobj)
                seen = tails[key.data] + data
                came[key.data] += seen.count(_STATS)
                tails[key.data] = seen[1 - len(_STATS) :]
    return came


def main(viewers: int, seconds: float) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, Valkey(Path(name)) as valkey, LiveApi(valkey, Path(name)) as api:
        before = api.worker.memory_info().rss
        sockets = [viewer.socket for viewer in connect(api, viewers)]
        read(sockets, _WARM_SECONDS)
        used, began = sum(api.worker.cpu_times()[:2]), time.monotonic()
        came = read(sockets, seconds)
        passed = time.monotonic() - began
        share = 100 * (sum(api.worker.cpu_times()[:2]) - used) / passed
        kilobytes = (api.worker.memory_info().rss - before) / 1e3 / viewers
        for one in sockets:
            one.close()
    counts = [came[place] for place in range(viewers)]
    print(f"{viewers} viewers: api {share:.0f} % of a core, {kilobytes:.0f} kB of memory each;")
    rate = sum(counts) / passed
    print(f"  in {passed:.0f} s each got {min(counts)} to {max(counts)} messages, {rate:.0f} a second in all")
    figures = {"percent_of_a_core": round(share, 1), "kilobytes_each": round(kilobytes, 1)}
    record("stats_viewers", {"viewers": viewers, **figures, "least": min(counts), "most": max(counts)})


if __name__ == "__main__":
    main(int(sys.argv[1] or 1000), float(sys.argv[2] or 20))
