"""`web-detector import`: upload the videos of a folder that the service does not have yet, and start a job on each."""

import argparse
import hashlib
import mimetypes
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cli.client.recording_time import recorded_at
from cli.client.report import Report
from cli.client.shell import credentials, terminable
from contracts.runtime.exit_codes import ended
from web_detector import Client, ServiceError, Video

# What a service says of one file, and would not say of the next: too large, not a video.
_OF_THE_FILE = (413, 415, 422)
_Stamp = tuple[int, int]
_pause = time.sleep
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
    if not options.watch and not any(_videos(options.folder)):
        raise ServiceError(f"there is no video in {options.folder}")
    username, password = credentials(environ)
    with terminable(), closing(Client(url, username=username, password=password)) as client:
        run = _Import(client, options, report)
        return run.watch() if options.watch else run.once()


class _Import:
    """One run of the command."""

    def __init__(self, client: Client, options: argparse.Namespace, report: Report) -> None:
        self._client, self._options, self._report = client, options, report
        self._known = {video.sha256: video.id for video in client.videos()}
        self._count = _Count()

    def once(self) -> int:
        """Import what is there. Raises ServiceError."""
        files = sorted(_videos(self._options.folder))
        for number, path in enumerate(files, 1):
            self._take(path, f"{number}/{len(files)} {path.name}")
        count = self._count
        self._report.say(f"{count.imported} imported, {count.known} were there already, {len(count.refused)} refused")
        for line in count.refused:
            self._report.warn(line)
        return 1 if count.refused else 0

    def watch(self) -> NoReturn:
        """Import what is there and what comes, each file when it has not changed for a while, until an interrupt."""
        self._report.say(f"watching {self._options.folder} until Ctrl-C")
        tried: dict[Path, _Stamp] = {}
        while True:
            before = {path: stamp for path in _videos(self._options.folder) if (stamp := _stamp(path))}
            _pause(self._options.settle)
            settled = [path for path, stamp in sorted(before.items()) if _stamp(path) == stamp != tried.get(path)]
            try:
                for path in settled:
                    self._take(path, path.name)
                    tried[path] = before[path]
            except (ServiceError, OSError) as error:  # tried again
                self._report.warn(str(error))
            for line in self._count.refused:
                self._report.warn(line)
            self._count.refused.clear()
            tried = {path: stamp for path, stamp in tried.items() if path in before}

    def _take(self, path: Path, title: str) -> None:
        """Import one file, unless the service has the same bytes. Raises ServiceError where the next one would fail
        too."""
        digest = _sha256(path)
        if digest in self._known:
            self._count.known += 1
            self._detect(self._known[digest], new=False)
            return
        try:
            video = self._upload(path, title)
        except ServiceError as error:
            if error.status not in _OF_THE_FILE:
                raise
            self._count.refused.append(f"{path}: {error}")
            return
        self._known[digest] = video.id
        self._count.imported += 1
        self._detect(video.id, new=True)

    def _upload(self, path: Path, title: str) -> Video:
        options, size = self._options, path.stat().st_size
        with self._report.sending(title) as bar:
            return self._client.upload(
                path,
                source=options.source or (path.parent.name if path.parent != options.folder else None),
                tags=options.tag,
                recorded_at=_recorded_at(path, options.timezone, options.file_time),
                progress=lambda sent: bar.show(sent, size),
            )

    def _detect(self, video_id: str, new: bool) -> None:
        """Start a job, on a video that was there only where it has none: an import may have been interrupted."""
        if self._options.detect and (new or next(self._client.jobs(video_id), None) is None):
            self._client.detect(video_id, self._options.model, **_job_options(self._options))


def _stamp(path: Path) -> _Stamp | None:
    """By which it is seen whether a file changes; None where it is gone."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


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


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0
    if not 0 < found <= 3600:
        raise argparse.ArgumentTypeError("must be a number of seconds, more than 0 and at most 3600")
    return found


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
    parser.add_argument(
        "--watch", action="store_true", help="go on with videos that come, each when it has not changed for --settle"
    )
    parser.add_argument(
        "--settle", type=_seconds, default=10, metavar="S", help="seconds without a change (default %(default)s)"
    )
    parser.add_argument("--no-detect", dest="detect", action="store_false", help="upload only")
    parser.add_argument("--model", help="model id (default: the service's default model)")
    parser.add_argument("--min-score", type=float, metavar="S", help="minimum score of a detection, 0.01 to 1")
    parser.add_argument("--labels", metavar="A,B", help="detect only objects with these labels")
    parser.add_argument("--frames", choices=("all", "fine", "balanced", "coarse"), help="frames to detect in")
    return parser
