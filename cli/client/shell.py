"""What the commands have in common at their edges: signals, files, and who one is."""

import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TextIO

from cli.client.http_client import ServiceError


def writable(path: Path) -> None:
    """Raises ServiceError when a file cannot be made there."""
    if not os.access(path.parent, os.W_OK):
        raise ServiceError(f"{path} cannot be written: there is no folder {path.parent} to write in")


def credentials(environ: Mapping[str, str]) -> tuple[str, str]:
    """Name and password of the user at WEB_DETECTOR_URL. Raises ServiceError."""
    username, password = environ.get("WEB_DETECTOR_USER", ""), environ.get("WEB_DETECTOR_PASSWORD", "")
    if not (username and password):
        raise ServiceError("WEB_DETECTOR_URL is set: set WEB_DETECTOR_USER and WEB_DETECTOR_PASSWORD as well")
    return username, password


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A file that takes the path's place when the context ends well."""
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        part = Path(folder) / path.name
        with part.open("w", encoding="utf-8") as sink:
            yield sink
        part.replace(path)


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP end the call as Ctrl-C does: what was started is stopped first."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
