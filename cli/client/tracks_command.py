"""`web-detector tracks`: list the tracks of a job, write them to a file, or make them anew."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.markup import escape
from rich.table import Table

from cli.client.report import Report
from cli.client.shell import logged_in, replacing, writable
from contracts.runtime.exit_codes import ended
from web_detector.http_client import Client, ServiceError

_SHOWN = 1000


def tracks(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command. Returns the exit status: 0, 1 for errors, 130 after an interrupt."""
    options = _parser().parse_args(arguments)
    return ended(lambda: _run(options, environ), {ServiceError: "", OSError: ""})


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if options.output:
        writable(options.output)
    with logged_in(environ) as client:
        show(client, options, Report())
    return 0


def show(client: Client, options: argparse.Namespace, report: Report) -> None:
    """Print the tracks, or write them. Raises ServiceError."""
    parameters = _given(options, "start_score", "min_score", "lost_seconds", "min_frames")
    if options.again or parameters:
        made = client.track(options.job, parameters)["tracks"]
        if made["state"] == "failed":
            raise ServiceError(
                f"the tracks could not be made: {(made['error'] or {}).get('detail', 'no reason is known')}"
            )
        report.say(f"{made['tracks']} tracks")
    query = {"label": [label.strip() for label in (options.labels or "").split(",") if label.strip()]}
    found = client.tracks(options.job, **query)
    if options.output:
        count = _write(options.output, found)
        report.say(f"{count} tracks: {options.output}")
    else:
        _print(found, report)


def _print(found: Iterable[Mapping[str, Any]], report: Report) -> None:
    table = Table()
    table.add_column("track", justify="right")
    table.add_column("label")
    for head in ("from", "to", "frames", "best score", "at"):
        table.add_column(head, justify="right")
    count = 0
    for count, track in enumerate(found, 1):
        if count <= _SHOWN:
            times = (f"{track[name] / 1000:.2f} s" for name in ("from_ms", "to_ms"))
            best = (f"{track['score']:.2f}", f"{track['best_ms'] / 1000:.2f} s")
            table.add_row(str(track["id"]), escape(track["label"]), *times, str(track["frames"]), *best)
    if not count:
        report.say("there are no such tracks")
        return
    report.console.print(table)
    if count > _SHOWN:
        report.say(f"and {count - _SHOWN} more: write all to a file with -o")


def _write(path: Path, found: Iterable[Mapping[str, Any]]) -> int:
    """Write all tracks to a file atomically, one a line. Returns how many."""
    count = 0
    with replacing(path) as sink:
        for track in found:
            sink.write(msgspec.json.encode(track).decode() + "\n")
            count += 1
    return count


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="web-detector tracks",
        description="Lists the tracks of a job of the service at WEB_DETECTOR_URL. Logs in with WEB_DETECTOR_USER and "
        "WEB_DETECTOR_PASSWORD. See docs/tracks.md.",
    )
    parser.add_argument("job", metavar="JOB", help="id of the job")
    parser.add_argument("--labels", metavar="A,B", help="only tracks with these labels")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="write all to this file (NDJSON)")
    again = parser.add_argument_group("make them anew", "with any of these, the tracks are made again first")
    again.add_argument("--again", action="store_true", help="with the default parameters")
    again.add_argument("--start-score", type=float, metavar="S", help="least score of an object that begins a track")
    again.add_argument("--min-score", type=float, metavar="S", help="least score of one that continues it")
    again.add_argument("--lost-seconds", type=float, metavar="S", help="after which an unseen track has ended")
    again.add_argument("--min-frames", type=int, metavar="N", help="leave out tracks of fewer frames")
    return parser
