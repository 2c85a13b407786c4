"""The command `web-detector`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. Returns the exit status."""
    options = _parser().parse_args(arguments)
    # What a command needs is imported by it alone: `up` must start quickly.
    if options.command == "up":
        from cli.embedded import up

        return up(log_files=options.log_files)
    from cli.detect import Request, detect

    labels = tuple(label.strip() for label in (options.labels or "").split(",") if label.strip())
    request = Request(
        file=options.file,
        output=options.output,
        model=options.model,
        min_score=options.min_score,
        labels=labels,
        keep=options.keep or os.environ.get("KEEP", "").strip() not in ("", "0"),
    )
    return detect(request, os.environ)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="web-detector", description="Finds the objects in videos.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="run the whole service on this machine, in the foreground")
    up.add_argument("--log-files", action="store_true", help="write the processes' output to DATA_DIR/logs")
    detect = commands.add_parser(
        "detect",
        help="send a video to the service and print what is in it",
        description="Sends a video to the service at WEB_DETECTOR_URL as WEB_DETECTOR_USER with "
        "WEB_DETECTOR_PASSWORD. With no URL set, a service of its own is started for the call and stopped after.",
    )
    detect.add_argument("file", type=Path, metavar="FILE")
    detect.add_argument(
        "-o",
        "--output",
        type=_output,
        metavar="OUT",
        help="write every frame there; its name ends with .json or .ndjson",
    )
    detect.add_argument("--model", help="id of the model; the service's default when left out")
    detect.add_argument("--min-score", type=float, metavar="S", help="least score of an object, 0 to 1")
    detect.add_argument("--labels", metavar="A,B", help="only objects of these labels")
    detect.add_argument(
        "--keep", action="store_true", help="leave the service of its own running until Ctrl-C (also: KEEP=1)"
    )
    return parser


def _output(text: str) -> Path:
    path = Path(text)
    if path.suffix not in (".json", ".ndjson"):
        raise argparse.ArgumentTypeError("the name must end with .json or .ndjson")
    return path


if __name__ == "__main__":
    sys.exit(main())
