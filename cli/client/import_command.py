"""`web-detector import`: upload the videos of a folder that the service does not have yet, and start a job on each."""

import argparse
import hashlib
import mimetypes
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cli.client.recording_time import recorded_at
from cli.client.report import Report
from cli.client.shell import credentials, terminable
from contracts.runtime.exit_codes import ended
from web_detector import Client, ServiceError

# What a service says of one file, and would not say of the next: too large, not a video.
_OF_THE_FILE = (413, 415, 422)
# Videos whose endings mimetypes does not know everywhere.
_ENDINGS = (
    *(".264", ".265", ".avi", ".flv", ".gif", ".h264", ".h265", ".hevc", ".m2ts"),
    *(".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".mts", ".ts", ".webm"),
)


@dataclass
class _Count:
    """What became of the files."""

    imported: int = 0
    known: int = 0
    refused: list[str] = field(default_factory=list)


def import_folder(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command. Returns the exit status: 0, 1 for errors or refused files, 130 after an interrupt."""
    options = _parser().parse_args(arguments)
    return ended(lambda: _run(options, environ, Report()), {ServiceError: "", OSError: ""})


def _run(options: argparse.Namespace, environ: Mapping[str, str], report: Report) -> int:
    url = environ.get("WEB_DETECTOR_URL", "").strip()
    if not url:
        raise ServiceError("set WEB_DETECTOR_URL to the address of the service, as in http://127.0.0.1:8080")
    files = sorted(_videos(options.folder))
    if not files:
        raise ServiceError(f"there is no video in {options.folder}")
    username, password = credentials(environ)
    count = _Count()
    with terminable(), closing(Client(url, username=username, password=password)) as client:
        known = {video.sha256 for video in client.videos()}
        for number, path in enumerate(files, 1):
            _take(client, path, f"{number}/{len(files)} {path.name}", options, known, count, report)
    report.say(f"{count.imported} imported, {count.known} were there already, {len(count.refused)} refused")
    for line in count.refused:
        report.warn(line)
    return 1 if count.refused else 0


def _take(
    client: Client,
    path: Path,
    title: str,
    options: argparse.Namespace,
    known: set[str],
    count: _Count,
    report: Report,
) -> None:
    """Import one file, unless the service has the same bytes. Raises ServiceError where the next one would fail too."""
    digest = _sha256(path)
    if digest in known:
        count.known += 1
        return
    size = path.stat().st_size
    try:
        with report.sending(title) as bar:
            video = client.upload(
                path,
                source=options.source or (path.parent.name if path.parent != options.folder else None),
                tags=options.tag,
                recorded_at=_recorded_at(path, options.timezone, options.file_time),
                progress=lambda sent: bar.show(sent, size),
            )
        if options.detect:
            client.detect(video, options.model, **_job_options(options))
    except ServiceError as error:
        if error.status not in _OF_THE_FILE:
            raise
        count.refused.append(f"{path}: {error}")
        return
    known.add(digest)
    count.imported += 1


def _videos(folder: Path) -> Iterator[Path]:
    """The videos in a folder and those below it, without hidden ones. Raises ServiceError."""
    if not folder.is_dir():
        raise ServiceError(f"there is no folder {folder}")
    for place, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield from (Path(place, name) for name in files if not name.startswith(".") and _is_video(name))


def _is_video(name: str) -> bool:
    kind = mimetypes.guess_type(name)[0] or ""
    return kind.startswith("video/") or Path(name).suffix.lower() in _ENDINGS


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recorded_at(path: Path, zone: tzinfo, file_time: bool) -> datetime | None:
    found = recorded_at(path.name, zone)
    if found is None and file_time:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return found


def _job_options(options: argparse.Namespace) -> dict[str, Any]:
    labels = [label.strip() for label in (options.labels or "").split(",") if label.strip()]
    given = {"min_score": options.min_score, "labels": labels or None, "frames": options.frames}
    return {name: value for name, value in given.items() if value is not None}


def _zone(text: str) -> tzinfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time zone, such as Europe/Vienna or UTC") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="web-detector import",
        description="Uploads the videos of a folder, and of the folders in it, to the service at WEB_DETECTOR_URL, and "
        "starts a job on each. What the service has already, byte for byte, is left out, so that it can be run again. "
        "Logs in with WEB_DETECTOR_USER and WEB_DETECTOR_PASSWORD.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--source", metavar="TEXT", help="source of all videos (default: the name of the subfolder that a video is in)"
    )
    parser.add_argument("--tag", action="append", default=[], metavar="T", help="tag of all videos; may be repeated")
    parser.add_argument(
        "--timezone",
        type=_zone,
        default=datetime.now().astimezone().tzinfo,
        metavar="ZONE",
        help="of the times in file names, such as 2026-11-29_14-30-05 (default: that of this machine)",
    )
    parser.add_argument(
        "--file-time",
        action="store_true",
        help="where a name has no time, take that of the file's last change",
    )
    parser.add_argument("--no-detect", dest="detect", action="store_false", help="upload only")
    parser.add_argument("--model", help="model id (default: the service's default model)")
    parser.add_argument("--min-score", type=float, metavar="S", help="minimum score of a detection, 0.01 to 1")
    parser.add_argument("--labels", metavar="A,B", help="detect only objects with these labels")
    parser.add_argument("--frames", choices=("all", "fine", "balanced", "coarse"), help="frames to detect in")
    return parser
