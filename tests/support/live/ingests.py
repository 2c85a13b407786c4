"""Ingest processes on a Valkey, as `web-detector up` starts them."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from msgspec.structs import replace

from contracts.coordination import names
from contracts.coordination.leases import Locks, _lock_key
from contracts.live import keys, presence
from contracts.live.packets import FIELD, Packet, decode_packet
from contracts.live.presence import IngestPresence
from contracts.live.registry import StreamRegistry
from contracts.live.sealing import seal
from contracts.live.streams import StreamSpec, StreamState
from contracts.workers.registration import live_ingests
from tests.support.deployments.service import ROOT
from tests.support.live.scripted_source import PICTURE
from tests.support.servers.valkey import Valkey
from tests.support.waiting import until

SECRET = "0123456789abcdef" * 2
READY_SECONDS = 120


class Ingest:
    """A process. Its log is in `log`."""

    def __init__(self, url: str, broker_url: str, folder: Path, inside: Sequence[str] = (), **settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = uuid.uuid4().hex[:6]
        self.log, self.heartbeat = folder / f"{name}.log", folder / f"{name}.heartbeat"
        environ = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "DATA_DIR": str(folder),
            "BROKER_URL": broker_url,
            "RESULT_STORE_URL": url,
            "STREAM_SECRET_KEY": SECRET,
            "HEARTBEAT_FILE": str(self.heartbeat),
            **settings,
        }
        with self.log.open("wb") as log:
            command = [*inside, sys.executable, "-m", "ingest.worker"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
        self.instance = ""

    def text(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace")

    def wait(self) -> "Ingest":
        """Until it says its name."""
        until(lambda: "ready as" in self.text(), READY_SECONDS)
        self.instance = self.text().partition("ready as ")[2].split()[0]
        return self

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Ingests:
    """Processes and streams of one test."""

    def __init__(self, valkey: Valkey, database: int, folder: Path) -> None:
        self.url = valkey.url.replace("db=1", f"db={database}")
        self._broker_url, self._folder = valkey.broker_url, folder
        self.redis = redis.Redis.from_url(self.url)
        self.redis.flushdb()
        self.registry = StreamRegistry(self.redis)
        self.specs: dict[str, StreamSpec] = {}
        self._all: list[Ingest] = []

    def start(self, number: int = 1, inside: Sequence[str] = (), **settings: str) -> list[Ingest]:
        """Start ingests and wait until all are registered. inside: a command that becomes the one after it."""
        made = [Ingest(self.url, self._broker_url, self._folder, inside, **settings) for _ in range(number)]
        self._all += made
        names = {ingest.wait().instance for ingest in made}
        until(lambda: names <= {one.instance for one in live_ingests(self.redis)}, READY_SECONDS)
        return made

    @property
    def first(self) -> Ingest:
        return self._all[0]

    def publish(self, stream_id: str = "", address: str = "", secret: str = SECRET, **fields: Any) -> str:
        """Publish a new stream, by default of the kind push, or a change of one."""
        known = self.specs.get(stream_id)
        if known is None:
            stream_id = str(uuid.uuid4())
            fields = {"kind": "push", "started_at": time.time(), "model": "nanodet-g", "user_id": "user", **fields}
            spec = StreamSpec(id=stream_id, revision=1, **fields)
        else:
            spec = replace(known, revision=known.revision + 1, **fields)
        self.specs[stream_id] = spec
        self.registry.publish(spec, seal(secret, stream_id, address) if address else b"")
        return stream_id

    def push(self, stream_id: str) -> None:
        """Send a picture."""
        self.redis.xadd(keys.pushed(stream_id), {b"j": PICTURE, b"t": b""}, maxlen=20)

    def seen(self, stream_id: str) -> IngestPresence | None:
        return presence.read(self.redis, [stream_id])[stream_id][0]

    def state(self, stream_id: str) -> StreamState | None:
        found = self.seen(stream_id)
        return found.state if found else None

    def owners(self) -> dict[str, str]:
        """Instance by stream."""
        found = {stream_id: self.seen(stream_id) for stream_id in self.specs}
        return {stream_id: one.instance for stream_id, one in found.items() if one}

    def locked(self) -> list[str]:
        """The owners of the locks of the streams."""
        found = (Locks(self.redis).owner(names.stream_ingest(one)) for one in self.specs)
        return [owner for owner in found if owner]

    def lease_seconds(self, stream_id: str) -> float:
        """After how long the lock of a stream expires."""
        left = int(self.redis.pttl(_lock_key(names.stream_ingest(stream_id))))  # type: ignore[arg-type]
        assert left != -1, "the lock never expires"
        return left / 1000

    def packets(self, stream_id: str) -> int:
        return int(self.redis.xlen(keys.packets(stream_id)))  # type: ignore[arg-type]

    def read(self, stream_id: str) -> list[Packet]:
        """Its packets."""
        found: Any = self.redis.xrange(keys.packets(stream_id))
        return [decode_packet(fields[FIELD]) for _, fields in found]

    def clear(self) -> None:
        """Remove the streams and wait until their ingests have let them go."""
        for stream_id in self.specs:
            self.registry.remove(stream_id)
        until(lambda: not [key for one in self.specs for key in self.redis.keys(f"*{one}*")], READY_SECONDS)
        self.specs.clear()

    def close(self) -> None:
        for one in self._all:
            one.kill()
        self.redis.flushdb()
        self.redis.close()


@contextmanager
def ingests(valkey: Valkey, database: int, folder: Path) -> Iterator[Ingests]:
    made = Ingests(valkey, database, folder)
    try:
        yield made
    finally:
        made.close()
