"""What commands about stored JSON documents have in common: scenes, alert rules."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from cli.client.report import Report
from cli.client.shell import logged_in
from web_detector.http_client import Client, ServiceError

Command = Callable[[Client, argparse.Namespace, Report], None]


def connected(options: argparse.Namespace, environ: Mapping[str, str], command: Command) -> int:
    """Run a command on the service at WEB_DETECTOR_URL. Raises ServiceError."""
    with logged_in(environ) as client:
        command(client, options, Report())
    return 0


@dataclass(frozen=True)
class Documents:
    """A kind of JSON documents that users keep, and the commands that show, add, replace and delete one.

    kind: what one is called. program: whose commands they are; listing: the one that lists all. content: the fields
    that a document has. with_it: what else is deleted. every, add, replace, delete: methods of the client.
    """

    kind: str
    program: str
    listing: str
    content: tuple[str, ...]
    every: Callable[[Client], Iterable[dict[str, Any]]]
    add: Callable[[Client, dict[str, Any]], dict[str, Any]]
    replace: Callable[[Client, str, dict[str, Any]], dict[str, Any]]
    delete: Callable[[Client, str], None]
    with_it: str = ""

    @property
    def commands(self) -> dict[str, Command]:
        """By their names. They raise ServiceError and OSError."""
        return {"show": self._show, "add": self._add, "replace": self._replace, "delete": self._delete}

    def add_parsers(self, commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
        """What the commands take."""
        texts = {"show": "print a {} as JSON", "replace": "replace a {}", "delete": f"delete a {{}}{self.with_it}"}
        of_one = {name: commands.add_parser(name, help=text.format(self.kind)) for name, text in texts.items()}
        for command in of_one.values():
            command.add_argument("one", metavar=self.kind.upper(), help="id or name")
        for command in (commands.add_parser("add", help=f"add a {self.kind}"), of_one["replace"]):
            command.add_argument("file", metavar="FILE", help="a JSON document as `show` prints it; - for stdin")

    def named(self, client: Client, text: str) -> dict[str, Any]:
        """The one with an id or a name. Raises ServiceError."""
        fitting = [one for one in self.every(client) if text in (one["id"], one["name"])]
        if len(fitting) == 1:
            return fitting[0]
        why = f"{len(fitting)} {self.kind}s have the name {text!r}: give the id"
        why = why if fitting else f"there is no {self.kind} {text!r}"
        raise ServiceError(f"{why}; `{self.program} {self.listing}` shows all")

    def _show(self, client: Client, options: argparse.Namespace, report: Report) -> None:
        found = self.named(client, options.one)
        content = {name: found[name] for name in self.content}
        report.say(msgspec.json.format(msgspec.json.encode(content), indent=2).decode())

    def _add(self, client: Client, options: argparse.Namespace, report: Report) -> None:
        _tell(report, self.add(client, self._read(options.file)))

    def _replace(self, client: Client, options: argparse.Namespace, report: Report) -> None:
        found = self.named(client, options.one)
        _tell(report, self.replace(client, found["id"], self._read(options.file)))

    def _delete(self, client: Client, options: argparse.Namespace, report: Report) -> None:
        found = self.named(client, options.one)
        self.delete(client, found["id"])
        _tell(report, found, "deleted")

    def _read(self, path: str) -> dict[str, Any]:
        """A document from a file, or from stdin for `-`."""
        try:
            text = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
            return msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.DecodeError as error:
            shown = f"as `{self.program} show` prints it"
            raise ServiceError(f"{path} is no JSON document of a {self.kind}, {shown}: {error}") from error


def _tell(report: Report, one: Mapping[str, Any], *what: str) -> None:
    report.say("  ".join((one["id"], one["name"], *what)))
