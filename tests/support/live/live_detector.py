"""A live detector in this process: all of it but its own main thread."""

import io
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from unittest.mock import patch

import psutil
import redis
from PIL import Image as Pictures

from contracts.live import presence
from contracts.live.packets import CodecConfig, Packet
from contracts.live.presence import DetectorPresence
from contracts.settings.load import load
from detector.live import __main__ as live
from detector.live import stream
from tests.support.live.live_packets import Publisher
from tests.support.processes import children
from tests.support.servers.valkey import Valkey
from tests.support.waiting import until

_TICK_SECONDS = 0.1


def environ(valkey: Valkey, database: int, folder: Path) -> dict[str, str]:
    """Settings of a detector on a database of that server."""
    return {
        "DATA_DIR": str(folder),
        "RESULT_STORE_URL": valkey.url.replace("db=1", f"db={database}"),
        "BROKER_URL": valkey.broker_url,
        "DETECTOR_THREADS": "1",
        "PRECISION": "fp32",  # on every CPU
    }


class LiveDetector:
    """A context in which one serves the streams of a database."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = load("detector", settings)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=live.serve, args=(self._settings, self._stopping, _TICK_SECONDS))
        self._patch = patch.object(stream, "READ_MS", 100)
        self.redis = redis.Redis.from_url(settings["RESULT_STORE_URL"])

    def __enter__(self) -> "LiveDetector":
        self._patch.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._patch.stop()
        self.redis.close()

    def knows(self, one: Publisher) -> DetectorPresence:
        """What it says of a stream; an empty presence before it has it."""
        return presence.read(self.redis, [one.id])[one.id][1] or DetectorPresence("")

    def published(self, one: Publisher) -> Publisher:
        """Publish a stream, and wait until it is analysed with its model."""
        one.publish()
        until(lambda: self.knows(one).engine)
        return one


def decoders() -> list[psutil.Process]:
    """The decoder processes of this process."""
    servers = children(psutil.Process(), "detector.decode.fork_server")
    return [decoder for server in servers for decoder in children(server)]


def settled(detector: LiveDetector, one: Publisher, still_open: int = 0) -> Callable[[], bool]:
    """Whether all packets that were sent have a result or are counted, but for those that a decoder still holds."""

    def is_settled() -> bool:
        known = detector.knows(one)
        return known.analysed + known.skipped + sum(known.dropped.values()) == one.sent - still_open

    return is_settled


def jpegs(count: int, size: tuple[int, int] = (64, 48), first: int = 0) -> list[Packet]:
    """Keyframes all, brighter and brighter."""
    packets = []
    for number in range(first, first + count):
        with io.BytesIO() as sink:
            Pictures.new("RGB", size, (0, 0, 100 + number % 150)).save(sink, "JPEG")
            packets.append(Packet(1, 0, number * 9000, number * 9000, 9000, True, 0.0, sink.getvalue()))
    return packets


def jpeg_config(number: int = 1, size: tuple[int, int] = (64, 48)) -> CodecConfig:
    return CodecConfig(number, "mjpeg", b"", *size, 0, "image/jpeg", b"")


def send(detector: LiveDetector, stream: Publisher, packets: list[Packet], held: int = 0) -> None:
    """Send packets, each when the one before has its result; held: how many the decoder holds back at the end."""
    for packet in packets:
        stream.send(packet)
        until(lambda: len(stream.results()) >= stream.sent - held)
