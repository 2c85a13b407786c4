"""Helpers of the commands: output files, credentials, signals."""

import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn, TextIO

from web_detector.http_client import Client, ServiceError

# Statuses of answers to a request that can never be granted as it is.
_REFUSED = range(400, 429)


def writable(path: Path) -> None:
    """Raise ServiceError when no file can be created at `path`."""
    if not os.access(path.parent, os.W_OK):
        raise ServiceError(f"{path} cannot be written: {path.parent} is not a writable folder")


def credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """`token`, an API token, else `username` and `password`, from the environment. Raises ServiceError when they are
    missing."""
    if token := environ.get("WEB_DETECTOR_TOKEN", "").strip():
        return {"token": token}
    username, password = environ.get("WEB_DETECTOR_USER", ""), environ.get("WEB_DETECTOR_PASSWORD", "")
    if not (username and password):
        raise ServiceError(
            "WEB_DETECTOR_URL is set, so WEB_DETECTOR_USER and WEB_DETECTOR_PASSWORD, or WEB_DETECTOR_TOKEN, must be "
            "set too"
        )
    return {"username": username, "password": password}


def sign_in(client: Client, environ: Mapping[str, str]) -> Client:
    """The client, as the user whom the environment names. Raises ServiceError."""
    found = credentials(environ)
    if "token" in found:
        client.use_token(found["token"])
    else:
        client.login(**found)
    return client


def service_url(environ: Mapping[str, str]) -> str:
    """The service's address from the environment. Raises ServiceError when it is missing."""
    url = environ.get("WEB_DETECTOR_URL", "").strip()
    if not url:
        raise ServiceError("set WEB_DETECTOR_URL to the address of the service, as in http://127.0.0.1:8080")
    return url


@contextmanager
def logged_in(environ: Mapping[str, str]) -> Iterator[Client]:
    """A client of the service that the environment names, until the context or the process is ended. Raises
    ServiceError."""
    url = service_url(environ)
    with terminable(), Client(url) as client:
        yield sign_in(client, environ)


@contextmanager
def discarding(client: Client, video_id: str | None) -> Iterator[None]:
    """Delete a video again where what it was uploaded for is refused."""
    try:
        yield
    except ServiceError as error:
        if video_id is not None and error.status in _REFUSED:
            with suppress(ServiceError):
                client.delete_video(video_id)
        raise


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """A new file that replaces `path` when the context ends without an error."""
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        part = Path(folder) / path.name
        with part.open("w", encoding="utf-8") as sink:
            yield sink
        part.replace(path)


@contextmanager
def terminable() -> Iterator[None]:
    """Treat SIGTERM and SIGHUP like Ctrl-C, so that started processes are stopped first."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
