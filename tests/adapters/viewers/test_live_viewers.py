"""Many viewers and slow ones: a real api process and a real Valkey."""

import struct
from itertools import pairwise

from tests.support.live.live_api import Watcher
from tests.support.live.websocket import WebSocket
from tests.support.waiting import until

START = {"type": "start", "media": True, "results": True}
FRAGMENT = 2
_MIB = 2**20


def frame(socket: WebSocket) -> tuple[int, bool]:
    """The next fragment: the number of its packet, and whether it is a keyframe."""
    while True:
        message = socket.receive()
        if isinstance(message, bytes) and message[0] == FRAGMENT:
            (moment,) = struct.unpack("<d", message[2:10])
            return round(moment * 30 / 1000), bool(message[1] & 1)


def test_fifty_viewers_of_a_stream_read_redis_once(watcher: Watcher) -> None:
    stream = watcher.stream()
    stream.packet(key=True)
    sockets = [watcher.watch(stream) for _ in range(50)]
    try:
        for socket in sockets:
            socket.send(START)
            assert frame(socket) == (1, True)
        until(lambda: watcher.api.readers() == 2)  # one for packets, one for results
        stream.packet()
        assert {frame(socket) for socket in sockets} == {(2, False)}
    finally:
        for socket in sockets:
            socket.socket.close()
    until(lambda: watcher.api.readers() == 0)


def test_a_viewer_that_does_not_read_costs_the_others_nothing_and_goes_on_at_a_keyframe(watcher: Watcher) -> None:
    stream = watcher.stream()
    stream.packet(key=True)
    with watcher.watch(stream) as keeping_up, watcher.watch(stream, buffer=4096) as slow:
        for socket in (keeping_up, slow):
            socket.send(START)
            assert frame(socket) == (1, True)
        before = watcher.api.worker.memory_info().rss
        for number in range(2, 402):  # 80 MB
            stream.packet(key=number % 10 == 0, size=200_000, maxlen=20)
            assert frame(keeping_up) == (number, number % 10 == 0)
        assert watcher.api.worker.memory_info().rss - before < 48 * _MIB
        seen = [(1, True)]
        while seen[-1][0] < 401:
            seen.append(frame(slow))
        assert len(seen) < 300
        for (last, _), (number, key) in pairwise(seen):
            assert number == last + 1 or (key and number > last)
