"""`web-detector clip` and `web-detector reel`: parts of videos as files."""

import argparse
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cli.client.report import Report
from cli.client.search_command import add_question, hits
from cli.client.shell import logged_in, writable
from contracts.runtime.exit_codes import ended
from web_detector import renditions
from web_detector.http_client import Client, ServiceError

_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)")
# What is to be made, asked for; returns its path.
_Ask = Callable[[Client, argparse.Namespace, renditions.Progress], str]


def clip(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command. Returns the exit status: 0, 1 for errors, 130 after an interrupt."""
    options = _clip_parser().parse_args(arguments)
    return ended(lambda: _run(_ask_clip, options, environ), {ServiceError: "", OSError: ""})


def reel(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """The same for `reel`."""
    options = _reel_parser().parse_args(arguments)
    return ended(lambda: _run(_ask_reel, options, environ), {ServiceError: "", OSError: ""})


def _run(ask: _Ask, options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    writable(options.output)
    report = Report()
    with logged_in(environ) as client:
        with report.console.status("") as status:
            path = ask(client, options, lambda part: status.update(f"making it: {part:.0%}"))
        size = renditions.save(client, path, options.output)
    report.say(f"{size / 1e6:.1f} MB: {options.output}")
    return 0


def _ask_clip(client: Client, options: argparse.Namespace, progress: renditions.Progress) -> str:
    part = {"from_ms": options.begin, "to_ms": options.end, "exact": options.exact}
    return renditions.clip(client, options.video, part, progress)


def _ask_reel(client: Client, options: argparse.Namespace, progress: renditions.Progress) -> str:
    found = hits(client, options) if options.hits is None else _read(options.hits)
    given = {"before_ms": options.before, "after_ms": options.after, "max_ms": options.at_most}
    return renditions.reel(client, found, {**given, "name": options.output.stem[:200]}, progress)


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """The hits in a file, one a line, as `search --json` prints them. Raises ServiceError, OSError."""
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                piece = msgspec.json.decode(line, type=dict[str, Any])
                yield {name: piece[name] for name in ("video_id", "from_ms", "to_ms")}
            except (msgspec.DecodeError, KeyError) as error:
                raise ServiceError(
                    f"{path}, line {number}: not a hit (JSON with video_id, from_ms, to_ms): {error}"
                ) from error


def milliseconds(text: str) -> int:
    """A time as in 12.5, 1:02.5 or 1:00:02, in ms."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text} is not a time: say seconds, or h:mm:ss, as in 12.5 or 1:02:03")
    hours, minutes, seconds = found.groups()
    return (int(hours or 0) * 60 + int(minutes or 0)) * 60_000 + round(float(seconds) * 1000)


def _clip_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="web-detector clip",
        description="Saves a part of a video of the service at WEB_DETECTOR_URL. Logs in with WEB_DETECTOR_USER and "
        "WEB_DETECTOR_PASSWORD. Times are seconds, or h:mm:ss. See docs/clips.md.",
    )
    parser.add_argument("video", metavar="VIDEO", help="id of the video")
    parser.add_argument("--from", dest="begin", type=milliseconds, metavar="TIME", default=0, help="default: 0")
    parser.add_argument("--to", dest="end", type=milliseconds, metavar="TIME", required=True)
    parser.add_argument(
        "--exact", action="store_true", help="encode it anew from that frame on; else it begins at the keyframe before"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", required=True, help="write the clip to this file")
    return parser


def _reel_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="web-detector reel",
        description="Saves one file of what a search of the service at WEB_DETECTOR_URL finds. Logs in with "
        "WEB_DETECTOR_USER and WEB_DETECTOR_PASSWORD. See docs/clips.md.",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", required=True, help="write the reel to this file")
    parser.add_argument("--hits", type=Path, metavar="FILE", help="of these hits (`search --json`), without searching")
    parser.add_argument("--before", type=milliseconds, metavar="TIME", help="shown before each hit (default: 1)")
    parser.add_argument("--after", type=milliseconds, metavar="TIME", help="shown after each hit (default: 1)")
    parser.add_argument(
        "--at-most", type=milliseconds, metavar="TIME", help="leave out what comes after that much of the reel"
    )
    add_question(parser)
    return parser
