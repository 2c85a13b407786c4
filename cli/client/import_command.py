"""`web-detector import`: upload the videos of a folder, or of a bucket, that the service does not have yet, and start a
job on each."""

import argparse
import hashlib
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cli.client.import_places import Entry, Place, Stamp, place
from cli.client.recording_time import recorded_at
from cli.client.report import Report
from cli.client.shell import credentials, service_url, terminable
from cli.client.wanted import check, labels_of
from contracts.errors import NotFound, ObjectUnreadable, WebDetectorError
from contracts.runtime.exit_codes import ended
from web_detector import Client, ServiceError, Video

# Refusals that concern the user, or this moment, and so the next file too: the others concern one file.
_OF_ALL = (401, 403, 408, 429)
# The code of one that passes when the user has room again: a smaller file may still be taken.
_NO_ROOM = "storage_used_up"
# Videos may be known beyond twice those that the service had, until it is asked again which it has.
_MORE_KNOWN = 10_000
# Looks at a watched folder between two tries of a file that there is no room for, at most.
_MOST_LOOKS = 64
_pause = time.sleep


@dataclass
class _Count:
    """What became of the files, by their titles. refused: the reason, and the stamp of the file that was refused.
    gone: how many were imported, and were known, of those that are no longer there."""

    imported: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    refused: dict[str, tuple[str, Stamp]] = field(default_factory=dict)
    gone: tuple[int, int] = (0, 0)

    def forget(self, titles: Collection[str]) -> None:
        """What is there no more counts no longer as refused, and else by its number: others may come for years."""
        imported, known = self.imported.difference(titles), self.known.difference(titles)
        self.gone = self.gone[0] + len(imported), self.gone[1] + len(known)
        self.imported -= imported
        self.known -= known
        for title in self.refused.keys() - titles:
            del self.refused[title]

    def refuse(self, entry: Entry, reason: object) -> None:
        self.refused[entry.title] = (f"{entry.title}: {reason}", entry.stamp)

    def said(self) -> str:
        imported, known = len(self.imported) + self.gone[0], len(self.known) + self.gone[1]
        return f"{imported} imported, {known} were there already, {len(self.refused)} refused"


@dataclass
class _Later:
    """When files that there was no room for are tried again: after 1, 2, 4 and more looks, since each try sends a part
    of the file."""

    look: int = 0
    pauses: dict[str, tuple[int, int]] = field(default_factory=dict)  # the look before which not, and the last pause

    def is_due(self, title: str) -> bool:
        return self.look >= self.pauses.get(title, (0, 0))[0]

    def put_off(self, title: str) -> None:
        pause = min(max(1, 2 * self.pauses.get(title, (0, 0))[1]), _MOST_LOOKS)
        self.pauses[title] = (self.look + pause, pause)

    def forget(self, titles: Collection[str]) -> None:
        """No file but these is put off."""
        self.pauses = {title: pause for title, pause in self.pauses.items() if title in titles}


def import_folder(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command. Returns the exit status: 0, 1 for errors or refused files, 130 after an interrupt."""
    options = _parser().parse_args(arguments)
    return ended(lambda: _run(options, environ, Report()), {ServiceError: "", WebDetectorError: "", OSError: ""})


def _run(options: argparse.Namespace, environ: Mapping[str, str], report: Report) -> int:
    url = service_url(environ)
    source = place(options.folder, environ)
    if not any(source.entries()) and not options.watch:
        raise ServiceError(f"there is no video in {source}")
    with terminable(), closing(Client(url, **credentials(environ))) as client:
        if options.detect:
            check(client.models, options.model, _job_options(options))
        run = _Import(client, source, options, report)
        return run.watch() if options.watch else run.once()


class _Import:
    """One run of the command."""

    def __init__(self, client: Client, place: Place, options: argparse.Namespace, report: Report) -> None:
        self._client, self._place, self._options, self._report = client, place, options, report
        self._list()
        self._count, self._later = _Count(), _Later()
        # While watching: what was there at the last look, what needs no other try, and what was in the way.
        self._before: dict[str, Entry] = {}
        self._tried: dict[str, Entry] = {}
        self._trouble = ""

    def _list(self) -> None:
        """Ask which videos the service has."""
        self._known = {video.sha256: video.id for video in self._client.videos()}
        self._most_known = 2 * len(self._known) + _MORE_KNOWN

    def once(self) -> int:
        """Import what is there, and say what became of it, also where it ends before all is done. Raises ServiceError,
        WebDetectorError."""
        try:
            entries = sorted(self._place.entries(), key=lambda entry: entry.title)
            for number, entry in enumerate(entries, 1):
                self._take(entry, f"{number}/{len(entries)} {entry.name}")
        finally:
            self._sum_up()
        return 1 if self._count.refused else 0

    def watch(self) -> NoReturn:
        """Import what is there and what comes, each file when it has not changed for a while, until an interrupt."""
        self._report.say(f"watching {self._place} until Ctrl-C")
        try:
            while True:
                self._look_again()
                _pause(self._options.settle)
        finally:
            self._sum_up()

    def _look_again(self) -> None:
        """Import what has settled. What keeps it from that is said once, and so is each refusal."""
        told = dict(self._count.refused)
        self._later.look += 1
        try:
            self._take_settled()
            self._trouble = ""
        except (ServiceError, WebDetectorError, OSError) as error:  # tried again
            if str(error) != self._trouble:
                self._trouble = str(error)
                self._report.warn(self._trouble)
        for title, refusal in self._count.refused.items():
            if refusal != told.get(title):
                self._report.warn(refusal[0])

    def _take_settled(self) -> None:
        now = self._look()
        if len(self._known) > self._most_known:  # many of them may be deleted
            self._list()
        self._tried = {title: entry for title, entry in self._tried.items() if title in now}
        settled = [
            entry
            for title, entry in sorted(now.items())
            if _same(entry, self._before.get(title)) and not _same(entry, self._tried.get(title))
        ]
        self._before = now
        for entry in settled:
            if self._later.is_due(entry.title) and self._take(entry, entry.name):
                self._tried[entry.title] = entry

    def _look(self) -> dict[str, Entry]:
        """What is there now; what is gone is forgotten."""
        now = {entry.title: entry for entry in self._place.entries()}
        self._count.forget(now.keys())
        self._later.forget(now.keys())
        return now

    def _sum_up(self) -> None:
        self._report.say(self._count.said())
        for line, _ in self._count.refused.values():
            self._report.warn(line)

    def _take(self, entry: Entry, title: str) -> bool:
        """Import one video, unless the service has the same bytes. Returns whether that is settled until it changes: a
        file that cannot be read now may be later, and one that there is no room for be taken. Raises ServiceError and
        WebDetectorError where the next one would fail too."""
        try:
            with entry.file() as path:
                self._take_file(entry, path, title)
        except ServiceError as error:
            if error.status is None or error.status >= 500 or error.status in _OF_ALL:
                raise
            self._count.refuse(entry, error)
            if error.code == _NO_ROOM:
                self._later.put_off(entry.title)
                return False
            return error.status != 404  # its video was deleted before the job: uploaded again, as a new one
        except (NotFound, ObjectUnreadable) as error:
            self._count.refuse(entry, error)
        except OSError as error:
            self._count.refuse(entry, error.strerror or error)
            return False
        else:
            self._count.refused.pop(entry.title, None)
        return True

    def _take_file(self, entry: Entry, path: Path, title: str) -> None:
        digest = _sha256(path)
        known = self._known.get(digest)
        if known is not None and self._is_there(known):
            if entry.title not in self._count.imported:
                self._count.known.add(entry.title)
            self._detect(known, new=False)
            return
        video = self._upload(entry, path, title)
        self._known[digest] = video.id
        self._count.imported.add(entry.title)
        self._detect(video.id, new=True)

    def _is_there(self, video_id: str) -> bool:
        """Whether a video was not deleted since it was listed or uploaded: an import may run for months."""
        try:
            self._client.video(video_id)
        except ServiceError as error:
            if error.status != 404:
                raise
            return False
        return True

    def _upload(self, entry: Entry, path: Path, title: str) -> Video:
        options, size = self._options, path.stat().st_size
        with self._report.sending(title) as bar:
            return self._client.upload(
                path,
                name=entry.name,
                source=options.source or entry.folder,
                tags=options.tag,
                recorded_at=recorded_at(entry.name, options.timezone) or (entry.changed if options.file_time else None),
                progress=lambda sent: bar.show(sent, size),
            )

    def _detect(self, video_id: str, new: bool) -> None:
        """Start a job, on a video that was there only where it has none: an import may have been interrupted."""
        if self._options.detect and (new or next(self._client.jobs(video_id), None) is None):
            self._client.detect(video_id, self._options.model, **_job_options(self._options))


def _same(entry: Entry, other: Entry | None) -> bool:
    """Whether a video is as it was."""
    return other is not None and entry.stamp == other.stamp


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _job_options(options: argparse.Namespace) -> dict[str, Any]:
    given = {"min_score": options.min_score, "labels": labels_of(options.labels), "frames": options.frames}
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
        description="Uploads the videos of a folder, and of the folders in it, or of a bucket (with S3_ENDPOINT_URL, "
        "S3_REGION, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY), to the service at WEB_DETECTOR_URL, and starts a job "
        "on each. What the service has already, byte for byte, is left out, so that it can be run again. Logs in with "
        "WEB_DETECTOR_USER and WEB_DETECTOR_PASSWORD.",
    )
    parser.add_argument("folder", metavar="FOLDER", help="folder, or s3://bucket/prefix")
    parser.add_argument(
        "--source", metavar="TEXT", help="source of all videos (default: the name of the subfolder that a video is in)"
    )
    parser.add_argument("--tag", action="append", default=[], metavar="T", help="tag of all videos; may be repeated")
    parser.add_argument(
        "--timezone",
        type=_zone,
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
