"""DATA_DIR in embedded mode: its lock, the secrets, and the addresses of the service."""

import fcntl
import hmac
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cli.embedded.supervisor import Failed

SECRET = "JWT_SECRET_KEY"  # noqa: S105  (the name of the setting, not its value)
STREAM_SECRET = "STREAM_SECRET_KEY"  # noqa: S105
DATABASE = "web-detector.sqlite"
_SECRETS_FILE = "secrets.env"
_ADDRESSES_FILE = "addresses.env"
# With what SQLite keeps beside the tables.
_PRIVATE_FILES = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", _SECRETS_FILE, _ADDRESSES_FILE)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_ADDRESS_SETTINGS = (
    *("DATABASE_URL", "BROKER_URL", "RESULT_STORE_URL", "REDIS_URL", "HOST", "PORT", "MODELS_DIR", "DETECTOR_PYTHON"),
    *("STORAGE_DIR", "STORAGE_URL", "S3_ENDPOINT_URL", "S3_REGION", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"),
    *("RETENTION_VIDEO_DAYS", "RETENTION_RESULT_DAYS", "ORPHAN_HOURS", "RESULT_TTL_SECONDS"),
)
_ENDING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class DataDir:
    """A locked DATA_DIR. lock: file descriptor that holds the lock; processes that inherit it hold it too."""

    path: Path
    lock: int


@contextmanager
def open_data_dir(folder: str) -> Iterator[DataDir]:
    """Create the folder if needed and lock it. Until the end, other users of the machine have no access to new files.
    Raises Failed when another instance holds the lock."""
    path = Path(folder).expanduser().absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Failed(f"DATA_DIR {path} cannot be used: {error}") from error
    mask = os.umask(_OTHERS)
    try:
        _acquire(lock, path)
        _make_private(path)
        yield DataDir(path, lock)
    finally:
        os.umask(mask)
        os.close(lock)


def secret_environment(data_dir: DataDir, environ: Mapping[str, str]) -> dict[str, str]:
    """The secrets that the environment lacks: one from DATA_DIR/secrets.env, which is created at the first start, and
    one that is derived from it."""
    own = environ.get(SECRET, "").strip()
    found = {} if own else {SECRET: _read_secret(data_dir.path / _SECRETS_FILE)}
    if not environ.get(STREAM_SECRET, "").strip():
        # Not the same key: who reads the addresses of cameras must not be able to sign tokens.
        key = (own or found[SECRET]).encode()
        found[STREAM_SECRET] = hmac.digest(key, b"web-detector stream addresses", "sha256").hex()
    return found


def write_addresses(data_dir: DataDir, environ: Mapping[str, str]) -> None:
    """Write the addresses of the service to DATA_DIR, for the operator commands."""
    lines = [f"{name}={environ[name]}\n" for name in _ADDRESS_SETTINGS if environ.get(name, "").strip()]
    _write(data_dir.path / _ADDRESSES_FILE, "".join(lines))


def read_addresses(folder: Path) -> dict[str, str]:
    """The addresses of the service in a DATA_DIR that are available now; empty when there is no service."""
    found = {"DATABASE_URL": f"sqlite:///{folder / DATABASE}"} if (folder / DATABASE).is_file() else {}
    if (folder / _ADDRESSES_FILE).is_file():
        lines = (line.partition("=") for line in (folder / _ADDRESSES_FILE).read_text().splitlines())
        found.update({name: value for name, _, value in lines})
    # The socket of the bundled Valkey is removed when the service stops.
    return {name: value for name, value in found.items() if not _socket_missing(value)}


def _make_private(path: Path) -> None:
    """Take tables and secrets from other users of the machine, and warn when they can enter the folder: it may have
    been made by somebody else. Raises Failed."""
    for file in (path / name for name in _PRIVATE_FILES):
        try:
            if file.is_file() and file.stat().st_mode & _OTHERS:
                file.chmod(0o600)
        except OSError as error:
            raise Failed(
                f"{file} is open to other users, and its mode cannot be changed ({error.strerror}): make the user of "
                "this service its owner"
            ) from error
    if mode := path.stat().st_mode & _OTHERS:
        means = "change" if mode & (stat.S_IWGRP | stat.S_IWOTH) else "enter"
        text = f"other users of this machine can {means} DATA_DIR {path}: run chmod 700 on it"
        print(f"web-detector: warning: {text}", file=sys.stderr)


def _socket_missing(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("unix", "redis+socket") and not Path(parts.path).exists()


def _read_secret(path: Path) -> str:
    if not path.exists():
        _write_secret(path)
    for line in path.read_text().splitlines():
        name, _, value = line.partition("=")
        if name.strip() == SECRET and value.strip():
            return value.strip()
    raise Failed(f"{path} has no {SECRET}: remove the file, and a new one is created (existing tokens become invalid)")


def _write_secret(path: Path) -> None:
    _write(path, f"{SECRET}={secrets.token_hex(32)}\n")


def _write(path: Path, text: str) -> None:
    """Write a file atomically, readable by its owner only from the start."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as sink:
        sink.write(text)
        sink.flush()
        os.fsync(sink.fileno())
    part.rename(path)


def _acquire(lock: int, path: Path) -> None:
    """Lock DATA_DIR. Wait briefly for the remaining processes of a killed instance to end. Raises Failed."""
    deadline = time.monotonic() + _ENDING_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
            if _alive(holder) or time.monotonic() > deadline:
                text = f"another instance (pid {holder}) uses {path}: stop it, or set another DATA_DIR"
                raise Failed(text) from None
            time.sleep(0.1)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def _alive(pid: str) -> bool:
    return pid.isdigit() and Path("/proc", pid).exists()
