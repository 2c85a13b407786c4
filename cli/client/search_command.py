"""`web-detector search`: find objects in all videos of a running service."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from cli.client.report import Report
from cli.client.shell import logged_in
from contracts.runtime.exit_codes import ended
from web_detector.http_client import Client, ServiceError

_PAGE = 200
_HEADS = ("at", "label", "video", "source", "job", ":track", ":score", ":from s", ":to s")
# Option and parameter, and the option's help.
_TEXTS = {
    "from": "begins at this time or later, as in 2026-01-31T08:00",
    "to": "begins before this time",
    "hour_from": "begins at this time of a day or later, as in 22 or 22:30",
    "hour_to": "begins before this time of a day",
    "time_zone": "whose clocks show days and hours (default: UTC)",
    "tag": "videos with this tag",
    "source": "videos of this source",
    "stream": "recordings of the live stream with this id",
    "video": "the video with this id",
    "job": "the job with this id",
    "polygon": "comes through this polygon: x1,y1,x2,y2,... in 0 to 1 of the frame",
    "scene": "comes through a zone of the scene with this id",
    "min_score": "has at least this score, 0 to 1",
    "min_seconds": "lasts at least so long",
    "direction": "goes this way: n (up in the picture), ne, e, ..., or degrees clockwise from up",
}


def search(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command. Returns the exit status: 0, 1 for errors, 130 after an interrupt."""
    options = _parser().parse_args(arguments)
    return ended(lambda: _run(options, environ), {ServiceError: "", OSError: ""})


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    report = Report()
    with logged_in(environ) as client:
        found = hits(client, options)
        if options.json:
            for hit in found:
                report.say(json.dumps(hit))
        else:
            _show(found, report)
    return 0


def hits(client: Client, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """What is found by the options of `add_question`. Raises ServiceError."""
    query: dict[str, Any] = {name: value for name in _TEXTS if (value := getattr(options, name)) is not None}
    query |= {"label": options.labels, "weekday": options.weekday, "zone": options.zone, "sort": options.sort}
    query["limit"] = min(options.limit, _PAGE)
    return islice(client.search(**query), options.limit)


def _show(found: Iterator[dict[str, Any]], report: Report) -> None:
    report.table(_HEADS, map(_row, found), "nothing was found")


def _row(hit: Mapping[str, Any]) -> tuple[str, ...]:
    at = f"{datetime.fromisoformat(hit['at']):%Y-%m-%d %H:%M:%S}" if hit["at"] else ""
    times = (f"{hit[name] / 1000:.2f}" for name in ("from_ms", "to_ms"))
    place = (hit["video_name"] or hit["video_id"], hit["source"] or "", hit["job_id"], str(hit["track"]))
    return (at, hit["label"], *place, f"{hit['score']:.2f}", *times)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="web-detector search",
        description="Finds objects in all videos of the service at WEB_DETECTOR_URL. Logs in with WEB_DETECTOR_USER "
        "and WEB_DETECTOR_PASSWORD. See docs/search.md.",
    )
    add_question(parser)
    parser.add_argument("--json", action="store_true", help="print one line of JSON per hit")
    return parser


def add_question(parser: argparse.ArgumentParser) -> None:
    """Add what tells of which objects hits are."""
    parser.add_argument("labels", nargs="*", metavar="LABEL", help="labels (default: any)")
    for name, text in _TEXTS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", help=text)
    parser.add_argument(
        "--weekday", action="append", default=[], metavar="DAY", help="begins on this day, as in mon; may be repeated"
    )
    parser.add_argument(
        "--zone", action="append", default=[], metavar="NAME", help="through this zone of the scene; may be repeated"
    )
    parser.add_argument("--sort", choices=("newest", "score"), default="newest")
    parser.add_argument("--limit", type=_count, default=50, metavar="N", help="so many (default %(default)s)")


def _count(text: str) -> int:
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 on")
    return int(text)
