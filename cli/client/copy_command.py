"""`web-detector copy`: a copy of a job's video, with its objects marked or hidden, as a file."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.client.report import Report
from cli.client.shell import logged_in, writable
from contracts.runtime.exit_codes import ended
from web_detector import renditions
from web_detector.http_client import Client, ServiceError


def copy(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command. Returns the exit status: 0, 1 for errors, 130 after an interrupt."""
    options = _parser().parse_args(arguments)
    return ended(lambda: _run(options, environ), {ServiceError: "", OSError: ""})


def _run(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    writable(options.output)
    with logged_in(environ) as client:
        save(client, options, Report())
    return 0


def save(client: Client, options: argparse.Namespace, report: Report) -> None:
    """Have the copy made, and write it. Raises ServiceError, OSError."""
    path = f"/jobs/{options.job}/renditions/{'blurred' if options.blurred else 'annotated'}"
    labels = [label.strip() for label in (options.labels or "").split(",") if label.strip()]
    with report.console.status("") as status:
        renditions.made(
            client,
            path,
            {"labels": labels, "min_score": options.min_score},
            lambda part: status.update(f"making the copy: {part:.0%}"),
        )
    size = renditions.save(client, path, options.output)
    report.say(f"{size / 1e6:.1f} MB: {options.output}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="web-detector copy",
        description="Has the service at WEB_DETECTOR_URL make a copy of a job's video, with boxes drawn into it or "
        "with objects hidden, and downloads it. Logs in with WEB_DETECTOR_USER and WEB_DETECTOR_PASSWORD. See "
        "docs/renditions.md.",
    )
    parser.add_argument("job", metavar="JOB", help="id of the job")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", required=True, help="write the copy to this file")
    parser.add_argument("--blurred", action="store_true", help="hide the objects; without it, boxes are drawn")
    parser.add_argument("--labels", metavar="A,B", help="only objects with these labels")
    parser.add_argument("--min-score", type=float, metavar="S", help="draw only objects with at least this score")
    return parser
