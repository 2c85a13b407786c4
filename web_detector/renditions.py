"""What a service makes of a video besides results: pictures, and copies to download."""

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from web_detector.http_client import Client, ServiceError

_POLL_SECONDS = 0.3


def made(client: Client, path: str, options: Mapping[str, Any], progress: Callable[[float], object]) -> dict[str, Any]:
    """Ask for the rendition at a path, and wait until it is ready. progress: called with the part that is done, 0 to 1.
    Raises ServiceError."""
    found = client.put(path, {name: value for name, value in options.items() if value not in (None, [])})
    while found["state"] in ("queued", "running"):
        progress(found["progress"]["fraction"])
        time.sleep(_POLL_SECONDS)
        found = msgspec.json.decode(client.patient(path))
    if found["state"] != "ready":
        raise ServiceError(f"it could not be made: {(found['error'] or {}).get('detail', 'no reason is known')}")
    return found


def save(client: Client, path: str, target: Path) -> int:
    """Download the content of a rendition to a file, which is replaced when it is there as a whole. Returns its size in
    bytes. Raises ServiceError, OSError."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
        part = Path(folder) / target.name
        with part.open("wb") as sink, client.opened(f"{path}/content") as answer:
            for piece in answer.iter_bytes():
                sink.write(piece)
        size = part.stat().st_size
        part.replace(target)
    return size


def track_picture(client: Client, job_id: str, track: int) -> bytes:
    """A JPEG of a track; has the pictures of the job made where there are none, and waits for them. Raises
    ServiceError."""
    path = f"/jobs/{job_id}/tracks/{track}/picture"
    try:
        return client.patient(path)
    except ServiceError as error:
        if error.status != 404:
            raise
    made(client, f"/jobs/{job_id}/renditions/pictures", {}, lambda _: None)
    return client.patient(path)
