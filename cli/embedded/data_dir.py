"""What the embedded form keeps in DATA_DIR for itself: a lock, its secrets, and the logs."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cli.embedded.supervisor import Failed

SECRET = "JWT_SECRET_KEY"  # noqa: S105  (the name of the setting, not its value)
DATABASE = "web-detector.sqlite"
_NOTED = "addresses.env"
_ADDRESSES = (
    *("DATABASE_URL", "BROKER_URL", "RESULT_STORE_URL", "REDIS_URL", "HOST", "PORT", "MODELS_DIR", "DETECTOR_PYTHON"),
    *("STORAGE_DIR", "STORAGE_URL", "S3_ENDPOINT_URL", "S3_REGION", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"),
    *("RETENTION_VIDEO_DAYS", "RETENTION_RESULT_DAYS", "ORPHAN_HOURS", "RESULT_TTL_SECONDS"),
)
_ENDING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Home:
    """A locked DATA_DIR. lock is the descriptor that holds it; whoever inherits it holds it too."""

    path: Path
    lock: int


@contextmanager
def open_home(folder: str) -> Iterator[Home]:
    """Make the folder if need be and lock it. Raises Failed when another instance has it."""
    path = Path(folder).expanduser().absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Failed(f"DATA_DIR {path} cannot be used: {error}") from error
    try:
        _take(lock, path)
        yield Home(path, lock)
    finally:
        os.close(lock)


def secret_environment(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    """The secrets: the environment's, else those of DATA_DIR/secrets.env, made at the first start."""
    if environ.get(SECRET, "").strip():
        return {}
    path = home.path / "secrets.env"
    if not path.exists():
        _write_secret(path)
    for line in path.read_text().splitlines():
        name, _, value = line.partition("=")
        if name.strip() == SECRET and value.strip():
            return {SECRET: value.strip()}
    raise Failed(f"{path} holds no {SECRET}: remove it, and a new one is made (tokens given out so far end)")


def note_addresses(home: Home, environ: Mapping[str, str]) -> None:
    """Keep where the service has its things, for commands that are started beside it."""
    lines = [f"{name}={environ[name]}\n" for name in _ADDRESSES if environ.get(name, "").strip()]
    _write(home.path / _NOTED, "".join(lines))


def read_addresses(folder: Path) -> dict[str, str]:
    """Where the service of a DATA_DIR has its things, as far as they are there now; empty when there is no service."""
    found = {"DATABASE_URL": f"sqlite:///{folder / DATABASE}"} if (folder / DATABASE).is_file() else {}
    if (folder / _NOTED).is_file():
        lines = (line.partition("=") for line in (folder / _NOTED).read_text().splitlines())
        found.update({name: value for name, _, value in lines})
    # The folder of its own Valkey's socket goes when it ends.
    return {name: value for name, value in found.items() if not _ended(value)}


def _ended(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("unix", "redis+socket") and not Path(parts.path).exists()


def _write_secret(path: Path) -> None:
    _write(path, f"{SECRET}={secrets.token_hex(32)}\n")


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as sink:
        sink.write(text)
        sink.flush()
        os.fsync(sink.fileno())
    part.rename(path)


def _take(lock: int, path: Path) -> None:
    """Lock it for this process. What is left of a killed instance gets a moment to end."""
    deadline = time.monotonic() + _ENDING_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
            if _alive(holder) or time.monotonic() > deadline:
                text = f"another instance (pid {holder}) works in {path}: stop it, or set another DATA_DIR"
                raise Failed(text) from None
            time.sleep(0.1)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def _alive(pid: str) -> bool:
    return pid.isdigit() and Path("/proc", pid).exists()
