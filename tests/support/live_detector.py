"""A live detector in this process: all of it but its own main thread."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import psutil
import redis

from contracts.live import presence
from contracts.live.presence import DetectorPresence
from contracts.settings.load import load
from detector.live import __main__ as live
from tests.support.live_packets import Publisher
from tests.support.servers.valkey import Valkey
from tests.support.waiting import until


def environ(valkey: Valkey, database: int, folder: Path) -> dict[str, str]:
    """Settings of a detector on a database of that server."""
    return {
        "DATA_DIR": str(folder),
        "RESULT_STORE_URL": valkey.url.replace("db=1", f"db={database}"),
        "BROKER_URL": valkey.broker_url,
        "DETECTOR_THREADS": "1",
    }


class LiveDetector:
    """A context in which one serves the streams of a database."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = load("detector", settings)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=live.serve, args=(self._settings, self._stopping))
        self.redis = redis.Redis.from_url(settings["RESULT_STORE_URL"])

    def __enter__(self) -> "LiveDetector":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self.redis.close()

    def knows(self, stream: Publisher) -> DetectorPresence:
        """What it says of a stream; an empty presence before it has it."""
        return presence.read(self.redis, [stream.id])[stream.id][1] or DetectorPresence("")

    def published(self, stream: Publisher) -> Publisher:
        """Publish a stream, and wait until it is analysed with its model."""
        stream.publish()
        until(lambda: self.knows(stream).engine)
        return stream


def decoders() -> list[psutil.Process]:
    """The decoder processes of this process."""
    servers = (child for child in psutil.Process().children() if "detector.decode.fork_server" in child.cmdline())
    return [child for server in servers for child in server.children() if child.status() != psutil.STATUS_ZOMBIE]


def settled(detector: LiveDetector, stream: Publisher, still_open: int = 0) -> Callable[[], bool]:
    """Whether all packets that were sent have a result or are counted, but for those that a decoder still holds."""

    def is_settled() -> bool:
        known = detector.knows(stream)
        return known.analysed + known.skipped + sum(known.dropped.values()) == stream.sent - still_open

    return is_settled
