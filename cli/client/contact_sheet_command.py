"""`web-detector contact-sheet`: frames of a video side by side, as one picture."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.client.clip_command import milliseconds
from cli.client.report import Report
from cli.client.shell import logged_in, writable
from contracts.runtime.exit_codes import ended
from web_detector import renditions
from web_detector.http_client import ServiceError


def contact_sheet(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command. Returns the exit status: 0, 1 for errors, 130 after an interrupt."""
    options = _parser().parse_args(arguments)
    return ended(lambda: _run(options, environ), {ServiceError: "", OSError: ""})


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    writable(options.output)
    report = Report()
    with logged_in(environ) as client, report.console.status("making it"):
        picture = renditions.contact_sheet(client, options.video, _asked(options))
    options.output.write_bytes(picture)
    report.say(f"{len(picture) / 1e3:.0f} kB: {options.output}")
    return 0


def _asked(options: argparse.Namespace) -> dict[str, float | None]:
    size = {name: getattr(options, name) for name in ("columns", "rows", "width")}
    return {**size, "from_ms": options.begin, "to_ms": options.end}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="web-detector contact-sheet",
        description="Saves frames of a video of the service at WEB_DETECTOR_URL side by side, as one JPEG. Logs in "
        "with WEB_DETECTOR_USER and WEB_DETECTOR_PASSWORD. Times are seconds, or h:mm:ss. See docs/renditions.md.",
    )
    parser.add_argument("video", metavar="VIDEO", help="id of the video")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", required=True, help="write the JPEG to this file")
    parser.add_argument("--columns", type=int, metavar="N", help="1 to 10 (default: 4)")
    parser.add_argument("--rows", type=int, metavar="N", help="1 to 10 (default: 4)")
    parser.add_argument("--width", type=int, metavar="PIXELS", help="of the sheet, at most 3840 (default: 1280)")
    parser.add_argument("--from", dest="begin", type=milliseconds, metavar="TIME", help="default: the beginning")
    parser.add_argument("--to", dest="end", type=milliseconds, metavar="TIME", help="default: the end")
    return parser
