"""The command `web-detector`."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from cli import operator_commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["models"]:
        return _models(given[1:])
    if not given:
        _parser().print_help(sys.stderr)
        return 2
    if not (given[0].startswith("-") or any(given[0] in group for group in _COMMANDS.values())):
        _parser().error(f"there is no command {given[0]!r}: `web-detector --help` lists all")
    if given == ["--version"]:
        print(f"web-detector {version('web-detector')}")
        return 0
    if given[0] in operator_commands.COMMANDS:
        return operator_commands.run(given)
    if given[:1] == ["import"]:
        from cli.client.import_command import import_folder

        return import_folder(given[1:], os.environ)
    if given[:1] == ["tracks"]:
        from cli.client.tracks_command import tracks

        return tracks(given[1:], os.environ)
    if given[:1] == ["copy"]:
        from cli.client.copy_command import copy

        return copy(given[1:], os.environ)
    if given[:1] in (["clip"], ["reel"]):
        from cli.client import clip_command

        return (clip_command.clip if given[0] == "clip" else clip_command.reel)(given[1:], os.environ)
    if given[:1] == ["contact-sheet"]:
        from cli.client.contact_sheet_command import contact_sheet

        return contact_sheet(given[1:], os.environ)
    if given[:1] == ["stream"]:
        from cli.client.stream_command import stream

        return stream(given[1:], os.environ)
    if given[:1] == ["search"]:
        from cli.client.search_command import search

        return search(given[1:], os.environ)
    if given[:1] in (["scenes"], ["events"]):
        from cli.client import scene_command

        run = scene_command.scenes if given[0] == "scenes" else scene_command.events
        return run(given[1:], os.environ)
    if given[:1] == ["alerts"]:
        from cli.client.alert_command import alerts

        return alerts(given[1:], os.environ)
    options = _parser().parse_args(given)
    # Import the modules of the chosen command only: `up` must start quickly.
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
            start_score=options.tracks,
        )
        return evaluate(wanted, os.environ)
    from cli.client.detect import Request, detect
    from cli.client.wanted import labels_of

    request = Request(
        file=options.file,
        output=options.output,
        model=options.model,
        min_score=options.min_score,
        labels=tuple(labels_of(options.labels) or ()),
        fps=options.fps,
        frames=options.frames,
        keep=options.keep or os.environ.get("KEEP", "").strip() not in ("", "0"),
    )
    return detect(request, os.environ)


def _models(arguments: list[str]) -> int:
    """Replace this process with the detector's models command, which has the inference engines. Does not return."""
    sys.stdout.flush()
    # The engines are installed in the detectors' Python environment if they have one of their own.
    python = os.environ.get("DETECTOR_PYTHON", "").strip() or sys.executable
    os.execv(python, [python, "-m", "detector.models_command", *arguments])  # noqa: S606


_COMMANDS = {
    "run": {
        "up": "run the service on this machine (embedded mode), in the foreground",
        "models": "manage models: list, add, pull, verify, quantize, remove",
    },
    "use": {
        "detect": "detect objects in a video and print a summary",
        "import": "upload the videos of a folder, and start a job on each",
        "tracks": "list the tracks of a job: the same objects through its frames",
        "search": "find objects in all videos of a running service",
        "scenes": "zones and lines: list, show, add, replace, delete",
        "events": "what the tracks of a job did at the zones and lines of a scene",
        "alerts": "what alert rules have raised, and the rules: list, add, show, replace, delete",
        "stream": "live streams: add, list, watch, start, stop, delete, demo",
        "copy": "download a copy of a job's video, with objects marked or hidden",
        "clip": "a part of a video as a file of its own",
        "reel": "one file of what a search finds, or of hits in a file",
        "contact-sheet": "frames of a video side by side, as one picture",
        "eval": "measure a model's average precision (box AP) on a dataset",
    },
    "operate": operator_commands.COMMANDS,
}
_SETTINGS = "Settings are environment variables (PORT, DATA_DIR, ...): see docs/settings.md."
_TITLES = {
    "run": "run a service",
    "use": "use a service: that at WEB_DETECTOR_URL, with WEB_DETECTOR_USER and WEB_DETECTOR_PASSWORD (or _TOKEN)",
    "operate": "look after a service: that in DATA_DIR, or of DATABASE_URL",
}


def _overview() -> str:
    """All commands, by what they are for."""
    groups = (
        f"{_TITLES[group]}:\n" + "\n".join(f"  {name:<14} {text}" for name, text in commands.items())
        for group, commands in _COMMANDS.items()
    )
    return "\n\n".join((*groups, "`web-detector COMMAND --help` says more about one of them."))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="web-detector",
        usage="%(prog)s COMMAND ...",
        description=f"Object detection in videos.\n\n{_overview()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", prog="web-detector", required=True, help=argparse.SUPPRESS
    )
    up = commands.add_parser("up", description=f"Runs the service on this machine until Ctrl-C. {_SETTINGS}")
    up.add_argument("--log-files", action="store_true", help="write logs to DATA_DIR/logs instead of stderr")
    detect = commands.add_parser(
        "detect",
        description="Uploads a video to the service at WEB_DETECTOR_URL, runs a detection job and prints a summary. "
        "Logs in with WEB_DETECTOR_USER and WEB_DETECTOR_PASSWORD. Without WEB_DETECTOR_URL, starts a temporary "
        "service on this machine and stops it afterwards.",
    )
    detect.add_argument("file", type=Path, metavar="FILE", help="video file")
    detect.add_argument(
        "-o",
        "--output",
        type=_output,
        metavar="OUT",
        help="write the detections of all frames to this .json or .ndjson file",
    )
    detect.add_argument("--model", help="model id (default: the service's default model)")
    detect.add_argument(
        "--min-score", type=float, metavar="S", help="minimum score of a detection, 0.01 to 1 (default 0.35)"
    )
    detect.add_argument("--labels", metavar="A,B", help="detect only objects with these labels")
    detect.add_argument(
        "--frames",
        choices=("all", "fine", "balanced", "coarse"),
        help="frames to detect in: all (default), or fewer and fewer, and the boxes in between are filled in",
    )
    detect.add_argument("--fps", type=float, metavar="F", help="frames per second of raw H.264 or H.265, 0.1 to 300")
    detect.add_argument(
        "--keep", action="store_true", help="keep the temporary service running until Ctrl-C (same as KEEP=1)"
    )
    _add_eval(commands.add_parser("eval"))
    return parser


def _add_eval(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Uploads the images of a COCO or MOTChallenge dataset to the service, as `detect` does, compares the "
        "detections with the ground truth, and deletes the uploads. See docs/detection/evaluation.md."
    )
    parser.add_argument("model", metavar="MODEL", help="model id")
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="dataset folder")
    parser.add_argument(
        "--annotations",
        type=Path,
        metavar="FILE",
        help="COCO annotation file (default: DATASET/annotations/instances_*.json)",
    )
    parser.add_argument(
        "--min-score",
        type=float,
        default=0.01,
        metavar="S",
        help="minimum score of a detection, 0.01 to 1 (default %(default)s)",
    )
    parser.add_argument("--limit", type=_count, metavar="N", help="evaluate only the first N images")
    parser.add_argument(
        "--tracks",
        type=float,
        nargs="?",
        const=0.4,
        metavar="SCORE",
        help="measure tracks too, HOTA and IDF1, of MOTChallenge sequences; SCORE: least score of a detection that "
        "begins a track (default %(const)s)",
    )
    parser.add_argument(
        "-o", "--output", type=_json, metavar="FILE", help="write metrics and detections to this .json file"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be an integer of at least 1")
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
