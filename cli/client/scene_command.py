"""`web-detector scenes` and `web-detector events`: zones and lines, and what the tracks of a job did there."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from cli.client.documents import Command, Documents, connected
from cli.client.report import Report
from contracts.runtime.exit_codes import ended
from web_detector.http_client import Client, ServiceError

_SCENES = Documents(
    "scene",
    "web-detector scenes",
    "list",
    ("name", "zones", "lines"),
    Client.scenes,
    Client.add_scene,
    Client.replace_scene,
    Client.delete_scene,
)
# Parameter and help of the filters of events; those that may be repeated first.
_MANY = {
    "zone": "only at the zone of this name",
    "line": "only at the line of this name",
    "type": "only enters, appears, dwells, leaves, disappears or crosses",
    "label": "only objects with this label",
}
_ONE = {
    "from_ms": "from this time of the video on, in milliseconds",
    "to_ms": "before this time of the video",
    "min_score": "tracks whose best score is at least this, 0 to 1",
    "point": "where an object is in its box: foot (default) or centre",
    "linger": "so many frames in a row count (default: as many as 0.1 s have)",
    "dwell": "tell when an object has been in a zone for so many seconds",
}


def scenes(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command. Returns the exit status: 0, 1 for errors, 130 after an interrupt."""
    options = _scenes_parser().parse_args(arguments)
    return ended(lambda: connected(options, environ, _COMMANDS[options.command]), {ServiceError: "", OSError: ""})


def events(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command. Returns the exit status: 0, 1 for errors, 130 after an interrupt."""
    options = _events_parser().parse_args(arguments)
    return ended(lambda: connected(options, environ, _tell), {ServiceError: "", OSError: ""})


def _list(client: Client, _options: argparse.Namespace, report: Report) -> None:
    report.table(("id", "name", "zones", "lines"), map(_row, client.scenes()), "no scenes")


def _row(scene: Mapping[str, Any]) -> tuple[str, ...]:
    names = (", ".join(shape["name"] for shape in scene[kind]) for kind in ("zones", "lines"))
    return (scene["id"], scene["name"], *names)


_COMMANDS: dict[str, Command] = {"list": _list, **_SCENES.commands}


def _tell(client: Client, options: argparse.Namespace, report: Report) -> None:
    scene = _SCENES.named(client, options.scene)
    query = {name: value for name in (*_MANY, *_ONE) if (value := getattr(options, name)) is not None}
    path = f"/jobs/{options.job}/scenes/{scene['id']}/{'events' if options.counts is None else 'counts'}"
    query |= {"format": "csv"} | ({} if options.counts is None else {"interval": options.counts})
    report.console.file.write(client.patient(path, query).decode())


_SERVICE = (
    "of the service at WEB_DETECTOR_URL. Logs in with WEB_DETECTOR_USER and WEB_DETECTOR_PASSWORD. See docs/scenes.md."
)


def _scenes_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="web-detector scenes", description=f"Zones and lines {_SERVICE}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list all scenes")
    _SCENES.add_parsers(commands)
    return parser


def _events_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="web-detector events",
        description=f"Prints what the tracks of a job did at the zones and lines of a scene as CSV, {_SERVICE}",
    )
    parser.add_argument("job", metavar="JOB", help="id of the job")
    parser.add_argument("scene", metavar="SCENE", help="id or name of the scene")
    for name, text in _MANY.items():
        parser.add_argument(f"--{name}", action="append", help=f"{text}; may be repeated")
    for name, text in _ONE.items():
        parser.add_argument(f"--{name.replace('_', '-')}", help=text)
    parser.add_argument("--counts", type=float, metavar="S", help="count events in intervals of so many seconds")
    return parser
