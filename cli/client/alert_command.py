"""`web-detector alerts`: what rules have raised, and the rules themselves."""

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.client.documents import Command, connected, named, print_document, read_document
from cli.client.report import Report
from contracts.runtime.exit_codes import ended
from web_detector.http_client import Client, ServiceError

_CONTENT = ("name", "enabled", "search", "schedule", "at_most_one_in_s", "webhook_id")
_DEFAULT_COUNT = 50


def alerts(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command. Returns the exit status: 0, 1 for errors, 130 after an interrupt."""
    options = _parser().parse_args(arguments)
    return ended(lambda: connected(options, environ, _COMMANDS[options.command]), {ServiceError: "", OSError: ""})


def _list(client: Client, options: argparse.Namespace, report: Report) -> None:
    query: dict[str, Any] = {"seen": False} if options.unseen else {}
    if options.rule is not None:
        query["rule_id"] = _rule(client, options.rule)["id"]
    table = Table()
    for name in ("at", "rule", "label", "score", "event", "where", "track"):
        table.add_column(name, overflow="fold")
    for one in islice(client.alerts(**query), options.count):
        event = " ".join(filter(None, (one["event"], one["zone"] or one["line"], one["direction"])))
        table.add_row(
            *map(escape, (_time(one), one["rule_name"], one["label"], f"{one['score']:.2f}", event, *_where(one)))
        )
        if options.mark:
            client.mark_alert(one["id"], seen=True)
    report.console.print(table if table.row_count else "no alerts")


def _time(alert: Mapping[str, Any]) -> str:
    at = datetime.fromtimestamp(alert["at_ms"] / 1000, UTC).astimezone().isoformat(" ", "seconds")
    return at if alert["dated"] else f"uploaded {at}"


def _where(alert: Mapping[str, Any]) -> tuple[str, str]:
    """Where to look, and the number of the track there."""
    kinds = [kind for kind in ("job", "video", "stream") if alert[f"{kind}_id"]]
    place = f"{kinds[0]} {alert[f'{kinds[0]}_id']}" if kinds else ""
    return f"{place} at {alert['start_ms'] / 1000:.1f} s", str(alert["track"])


def _rules(client: Client, _options: argparse.Namespace, report: Report) -> None:
    table = Table()
    for name in ("id", "name", "on", "schedule", "seconds apart"):
        table.add_column(name, overflow="fold")
    for one in client.alert_rules():
        schedule = one["schedule"]
        hours = f"{schedule['from']}-{schedule['to']} {schedule['timezone']}" if schedule else "always"
        table.add_row(
            *map(escape, (one["id"], one["name"], "yes" if one["enabled"] else "no", hours)),
            str(one["at_most_one_in_s"]),
        )
    report.console.print(table if table.row_count else "no rules")


def _show(client: Client, options: argparse.Namespace, report: Report) -> None:
    found = _rule(client, options.rule)
    print_document(report, {name: found[name] for name in _CONTENT})


def _add(client: Client, options: argparse.Namespace, report: Report) -> None:
    made = client.add_alert_rule(_read(options.file))
    report.say(f"{made['id']}  {made['name']}")


def _replace(client: Client, options: argparse.Namespace, report: Report) -> None:
    made = client.replace_alert_rule(_rule(client, options.rule)["id"], _read(options.file))
    report.say(f"{made['id']}  {made['name']}")


def _delete(client: Client, options: argparse.Namespace, report: Report) -> None:
    found = _rule(client, options.rule)
    client.delete_alert_rule(found["id"])
    report.say(f"{found['id']}  {found['name']}  deleted")


_COMMANDS: dict[str, Command] = {
    "list": _list,
    "rules": _rules,
    "show": _show,
    "add": _add,
    "replace": _replace,
    "delete": _delete,
}


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)


def _read(path: str) -> dict[str, Any]:
    return read_document(path, "a rule", "web-detector alerts show")


def _rule(client: Client, text: str) -> dict[str, Any]:
    return named(client.alert_rules(), text, "rule", "web-detector alerts rules")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="web-detector alerts",
        description="Alerts, and the rules that raise them, of the service at WEB_DETECTOR_URL. Logs in with "
        "WEB_DETECTOR_USER and WEB_DETECTOR_PASSWORD. See docs/alerts.md.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    listed = commands.add_parser("list", help="list alerts, newest first")
    listed.add_argument("--rule", metavar="RULE", help="only those of the rule with this id or name")
    listed.add_argument("--unseen", action="store_true", help="only those that were not marked as seen")
    listed.add_argument("--mark", action="store_true", help="mark those that are listed as seen")
    listed.add_argument(
        "--count", type=_count, default=_DEFAULT_COUNT, metavar="N", help="so many (default %(default)s)"
    )
    commands.add_parser("rules", help="list all rules")
    texts = {"show": "print a rule as JSON", "replace": "replace a rule", "delete": "delete a rule with its alerts"}
    of_one = {name: commands.add_parser(name, help=text) for name, text in texts.items()}
    for command in of_one.values():
        command.add_argument("rule", metavar="RULE", help="id or name")
    for command in (commands.add_parser("add", help="add a rule"), of_one["replace"]):
        command.add_argument("file", metavar="FILE", help="a JSON document as `show` prints it; - for stdin")
    return parser
