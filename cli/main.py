"""The command `web-detector`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cli import operator_commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. Returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["models"]:
        return _models(given[1:])
    if given and given[0] in operator_commands.COMMANDS:
        return operator_commands.operate(given)
    options = _parser().parse_args(given)
    # What a command needs is imported by it alone: `up` must start quickly.
    if options.command == "up":
        from cli.embedded.up import up

        return up(log_files=options.log_files)
    if options.command == "eval":
        from cli.evaluation.command import Request as Evaluation
        from cli.evaluation.command import evaluate

        wanted = Evaluation(
            model=options.model,
            folder=options.dataset,
            annotations=options.annotations,
            min_score=options.min_score,
            limit=options.limit,
            output=options.output,
        )
        return evaluate(wanted, os.environ)
    from cli.client.detect import Request, detect

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


def _models(arguments: list[str]) -> int:
    """The detector's own command, in place of this process: it knows the engines."""
    sys.stdout.flush()
    # Of the detectors' own Python, if they have one: the engines are there.
    python = os.environ.get("DETECTOR_PYTHON", "").strip() or sys.executable
    os.execv(python, [python, "-m", "detector.models_command", *arguments])  # noqa: S606


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="web-detector", description="Finds the objects in videos.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="run the whole service on this machine, in the foreground")
    up.add_argument("--log-files", action="store_true", help="write the processes' output to DATA_DIR/logs")
    # Only for the list of commands: their arguments are read elsewhere.
    commands.add_parser("models", help="the models that jobs may name: list, add, pull, verify, quantize, remove")
    for name, what in operator_commands.COMMANDS.items():
        commands.add_parser(name, help=what)
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
    detect.add_argument(
        "--min-score", type=float, metavar="S", help="least score of an object, 0.01 to 1 (default 0.35)"
    )
    detect.add_argument("--labels", metavar="A,B", help="only objects of these labels")
    detect.add_argument(
        "--keep", action="store_true", help="leave the service of its own running until Ctrl-C (also: KEEP=1)"
    )
    _add_eval(commands.add_parser("eval", help="measure a model's box AP on a dataset, through the service"))
    return parser


def _add_eval(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Sends the images of a dataset (COCO or MOTChallenge) to the service, as `detect` does, compares what it finds "
        "with the ground truth, and deletes what it sent. See docs/evaluation.md."
    )
    parser.add_argument("model", metavar="MODEL", help="id of the model")
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="folder of the dataset")
    parser.add_argument(
        "--annotations", type=Path, metavar="FILE", help="COCO annotations; DATASET/annotations/instances_*.json"
    )
    parser.add_argument(
        "--min-score",
        type=float,
        default=0.01,
        metavar="S",
        help="least score of an object, 0.01 to 1 (default %(default)s)",
    )
    parser.add_argument("--limit", type=_count, metavar="N", help="only the first N images")
    parser.add_argument("-o", "--output", type=_json, metavar="FILE", help="write figures and detections there (.json)")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number of at least 1")
    return int(text)


def _json(text: str) -> Path:
    if not text.endswith(".json"):
        raise argparse.ArgumentTypeError("the name must end with .json")
    return Path(text)


def _output(text: str) -> Path:
    path = Path(text)
    if path.suffix not in (".json", ".ndjson"):
        raise argparse.ArgumentTypeError("the name must end with .json or .ndjson")
    return path


if __name__ == "__main__":
    sys.exit(main())
