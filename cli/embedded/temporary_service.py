"""A temporary service for one command: embedded mode as a child process with a temporary DATA_DIR."""

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Settings for addresses and stored data. The temporary service does not take them from the environment.
_REPLACED = {
    "DATA_DIR",
    "DATABASE_URL",
    "BROKER_URL",
    "RESULT_STORE_URL",
    "JWT_SECRET_KEY",
    "HOST",
    "PORT",
    "METRICS_PORT",
}
_REPLACED |= {"STORAGE_DIR", "STORAGE_URL", "S3_ENDPOINT_URL", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"}
_PR_SET_PDEATHSIG = 1
_LOG_LINES = 15
_HURRY_SECONDS = 1.0  # after an error or interrupt, running jobs need not finish
_libc = ctypes.CDLL(None)


class TemporaryServiceFailed(Exception):
    """The service could not be started. The text includes the end of its logs."""


@dataclass(frozen=True, slots=True)
class TemporaryService:
    """A running temporary service, and the credentials to register."""

    url: str
    username: str
    password: str
    child: "subprocess.Popen[str]"


@contextmanager
def temporary_service(environ: Mapping[str, str]) -> Iterator[TemporaryService]:
    """Run a service for the duration of the context. Raises TemporaryServiceFailed."""
    with tempfile.TemporaryDirectory(prefix="web-detector-", ignore_cleanup_errors=True) as folder:
        port = _free_port()
        settings = {name: value for name, value in environ.items() if name not in _REPLACED}
        models = environ.get("MODELS_DIR") or Path(environ.get("DATA_DIR") or "data", "models")
        settings |= {"MODELS_DIR": str(Path(models).resolve())}
        settings |= {"DATA_DIR": folder, "HOST": "127.0.0.1", "PORT": str(port)}
        child = _start(settings, Path(folder))
        patience: float | None = _HURRY_SECONDS
        try:
            _wait_until_ready(child, Path(folder))
            yield TemporaryService(f"http://127.0.0.1:{port}", "web-detector", secrets.token_urlsafe(16), child)
            patience = None
        finally:
            _stop(child, patience)


def _start(environ: Mapping[str, str], folder: Path) -> "subprocess.Popen[str]":
    """Start the supervisor in a new session: Ctrl-C reaches only this process, which then stops the supervisor."""
    parent = os.getpid()

    def end_with_parent() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    with (folder / "up.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "cli.main", "up", "--log-files"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )


def _wait_until_ready(child: "subprocess.Popen[str]", folder: Path) -> None:
    """Wait for the line "ready at". The supervisor has its own timeout. Raises TemporaryServiceFailed."""
    for line in child.stdout or ():
        if line.startswith("ready at "):
            return
    child.wait()
    raise TemporaryServiceFailed("the service could not be started:\n" + _last_lines(folder))


def _last_lines(folder: Path) -> str:
    parts = []
    for path in [folder / "up.log", *sorted(folder.glob("logs/*.log"))]:
        lines = path.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        parts += [f"--- {path.name}", *lines] if lines else []
    return "\n".join(parts)


def _stop(child: "subprocess.Popen[str]", patience: float | None) -> None:
    """Stop the service and wait. After `patience` seconds or on an interrupt, a second SIGTERM shortens the stop."""
    child.terminate()
    while True:
        try:
            child.wait(patience)
            break
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            child.terminate()
            patience = None
    if child.stdout:
        child.stdout.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
