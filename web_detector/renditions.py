"""What a service makes of a video besides results: pictures, and copies to download."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from web_detector.http_client import Client, ServiceError
from web_detector.pace import Pace

Progress = Callable[[float], object]


def made(client: Client, path: str, options: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Ask for the rendition at a path, and wait until it is ready. progress: called with the part that is done, 0 to 1.
    Raises ServiceError."""
    found = client.put(path, {name: value for name, value in options.items() if value not in (None, [])})
    return _awaited(client, path, found, progress)


def clip(client: Client, video_id: str, part: Mapping[str, Any], progress: Progress) -> str:
    """Ask for a clip, wait until it is ready, and return its path. part: body of the operation. Raises ServiceError."""
    return _posted(client, f"/videos/{video_id}/clips", part, progress)


def reel(client: Client, pieces: Iterable[Mapping[str, Any]], options: Mapping[str, Any], progress: Progress) -> str:
    """The same for a reel. pieces: hits of a search, or parts of videos. options: of the operation."""
    parts = [{name: piece[name] for name in ("video_id", "from_ms", "to_ms")} for piece in pieces]
    if not parts:
        raise ServiceError("there is nothing to make a reel of")
    given = {name: value for name, value in options.items() if value is not None}
    return _posted(client, "/reels", {"pieces": parts, **given}, progress)


def _posted(client: Client, path: str, body: Mapping[str, Any], progress: Progress) -> str:
    found = client.post(path, body)
    own = f"{path}/{found['id']}"
    _awaited(client, own, found, progress)
    return own


def _awaited(client: Client, path: str, found: dict[str, Any], progress: Progress) -> dict[str, Any]:
    pace = Pace()
    while found["state"] in ("queued", "running"):
        progress(found["progress"]["fraction"])
        pace.pause()
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


def contact_sheet(client: Client, video_id: str, options: Mapping[str, float | None]) -> bytes:
    """A JPEG of frames of a video side by side. options: parameters of the operation, without those that are None.
    Raises ServiceError."""
    query = {name: value for name, value in options.items() if value is not None}
    return client.patient(f"/videos/{video_id}/contact-sheet", query)


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
