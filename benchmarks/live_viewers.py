"""What viewers of a live stream cost the api, and how long a frame and its boxes take from Redis to a WebSocket client.

    make bench-viewers [SECONDS=20]

Packets and results are made up and written by this process, 30 of each a second (6 KB a packet, 5 objects a result);
one api process serves them. The times are from the write to Redis to the receipt by the client, of the same machine.
"""

import struct
import sys
import tempfile
import threading
import time
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks.report import record, spread, table, told
from contracts.results.codec import Detections
from tests.support.live.live_api import LiveApi, Watcher
from tests.support.live.live_stream import FPS, LiveStream, time_ms
from tests.support.live.websocket import Closed, WebSocket
from tests.support.servers.valkey import Valkey

_PACKET_BYTES = 6000
_KEYFRAMES = 60
_START = {"type": "start", "media": True, "results": True}
_VIEWERS = (1, 8)
# The machine's other work comes in bursts, so each number of viewers is measured several times.
_ROUNDS = 3
_WARM_SECONDS = 2


class Client(threading.Thread):
    """Notes when the frames and results of its stream come, by their time in ms."""

    def __init__(self, socket: WebSocket) -> None:
        super().__init__(daemon=True)
        self.media: dict[float, float] = {}
        self.results: dict[float, float] = {}
        self._socket = socket

    def begin(self) -> None:
        """Ask for everything."""
        self._socket.send(_START)
        self.start()

    def end(self) -> None:
        """Leave."""
        self._socket.close()
        self.join(5)
        self._socket.socket.close()

    @staticmethod
    def delays(came: dict[float, float], written: dict[float, float]) -> list[float]:
        """In ms, of all that came."""
        return [(came[at] - sent) * 1000 for at, sent in written.items() if at in came]

    def run(self) -> None:
        try:
            while True:
                message = self._socket.receive()
                now = time.monotonic()
                if isinstance(message, bytes):
                    self.media[struct.unpack("<d", message[2:10])[0]] = now
                elif message["type"] == "result":
                    self.results[message["time_ms"]] = now
        except (Closed, OSError):
            return


def stream_for(seconds: float, stream: LiveStream) -> tuple[dict[float, float], dict[float, float]]:
    """Write packets and results at their pace; when each was written, by its time in ms."""
    packets: dict[float, float] = {}
    written: dict[float, float] = {}
    objects = Detections(np.arange(5), np.linspace(0.9, 0.5, 5), np.arange(20.0).reshape(5, 4))
    start = time.monotonic()
    for number in range(int(seconds * FPS)):
        time.sleep(max(0.0, start + number / FPS - time.monotonic()))
        packets[time_ms(stream.number + 1)] = time.monotonic()
        made = stream.packet(key=number % _KEYFRAMES == 0, size=_PACKET_BYTES, maxlen=300)
        time.sleep(0.01)
        written[time_ms(made.number)] = time.monotonic()
        stream.result(made.number, found=objects)
    return packets, written


def measure(user: Watcher, viewers: int, seconds: float) -> tuple[float, list[float], list[float]]:
    """Share of a core that the api used, and the delays in ms of frames and of results."""
    stream = user.stream()
    clients = [Client(user.watch(stream)) for _ in range(viewers)]
    for client in clients:
        client.begin()
    stream_for(_WARM_SECONDS, stream)
    before, began = _cpu(user), time.monotonic()
    packets, written = stream_for(seconds, stream)
    share = (_cpu(user) - before) / (time.monotonic() - began)
    time.sleep(0.5)  # the last ones are on their way
    for client in clients:
        client.end()
    media = [client.delays(client.media, packets) for client in clients]
    shown = [client.delays(client.results, written) for client in clients]
    return share, list(chain(*media)), list(chain(*shown))


def _cpu(user: Watcher) -> float:
    times = user.api.worker.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    """Measure and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1] else 20.0
    rows, figures = [], {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Valkey(folder) as valkey, LiveApi(valkey, folder) as api:
            user = api.user()
            idle, _, _ = measure(user, 0, seconds)
            for viewers in _VIEWERS:
                found = [measure(user, viewers, seconds) for _ in range(_ROUNDS)]
                shares = [(share - idle) * 100 for share, _, _ in found]
                frames, shown = (
                    list(chain(*some)) for some in ([media for _, media, _ in found], [one for *_, one in found])
                )
                delays = [np.percentile(times, (50, 95)) for times in (frames, shown)]
                figures[str(viewers)] = {
                    "percent_of_a_core": spread(shares),
                    "frame_ms": delays[0].round(2).tolist(),
                    "result_ms": delays[1].round(2).tolist(),
                }
                rows.append([viewers, told(shares), *(f"{p50:.1f} / {p95:.1f}" for p50, p95 in delays)])
    table(["viewers of one stream", "% of a core, api", "frame, p50 / p95 ms", "result, p50 / p95 ms"], rows)
    record("live_viewers", figures)


if __name__ == "__main__":
    main()
