"""What commands about stored JSON documents have in common: scenes, alert rules."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from cli.client.report import Report
from cli.client.shell import credentials, terminable
from web_detector.http_client import Client, ServiceError

Command = Callable[[Client, argparse.Namespace, Report], None]


def connected(options: argparse.Namespace, environ: Mapping[str, str], command: Command) -> int:
    """Run a command on the service at WEB_DETECTOR_URL. Raises ServiceError."""
    url = environ.get("WEB_DETECTOR_URL", "").strip()
    if not url:
        raise ServiceError("set WEB_DETECTOR_URL to the address of the service, as in http://127.0.0.1:8000")
    with terminable(), Client(url) as client:
        client.login(*credentials(environ))
        command(client, options, Report())
    return 0


def read_document(path: str, kind: str, shown_by: str) -> dict[str, Any]:
    """A JSON document from a file, or from stdin for `-`. kind: of what, shown_by: the command that prints one. Raises
    ServiceError."""
    try:
        text = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ServiceError(f"{path} is no JSON document of {kind}, as `{shown_by}` prints it: {error}") from error


def print_document(report: Report, content: Mapping[str, Any]) -> None:
    """Print a JSON document as `read_document` reads it."""
    report.say(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())


def named(found: Iterable[dict[str, Any]], text: str, kind: str, listed_by: str) -> dict[str, Any]:
    """The one with an id or a name. kind: of what, listed_by: the command that shows all. Raises ServiceError."""
    fitting = [one for one in found if text in (one["id"], one["name"])]
    if len(fitting) != 1:
        many = (
            f"{len(fitting)} {kind}s have the name {text!r}: give the id" if fitting else f"there is no {kind} {text!r}"
        )
        raise ServiceError(f"{many}; `{listed_by}` shows all")
    return fitting[0]
