"""What the embedded form keeps in DATA_DIR for itself: a lock, its secrets, and the logs."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.supervisor import Failed

SECRET = "JWT_SECRET_KEY"  # noqa: S105  (the name of the setting, not its value)
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


def _write_secret(path: Path) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as sink:
        sink.write(f"{SECRET}={secrets.token_hex(32)}\n")
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
