"""`web-detector alerts`: what rules have raised, and the rules themselves."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from cli.client.documents import Command, Documents, connected
from cli.client.report import Report
from contracts.runtime.exit_codes import ended
from web_detector.http_client import Client, ServiceError

_RULES = Documents(
    "rule",
    "web-detector alerts",
    "rules",
    ("name", "enabled", "search", "schedule", "at_most_one_in_s", "webhook_id"),
    Client.alert_rules,
    Client.add_alert_rule,
    Client.replace_alert_rule,
    Client.delete_alert_rule,
    with_it=" with its alerts",
)
_DEFAULT_COUNT = 50
_HEADS = ("at", "rule", "label", ":score", "event", "where", ":track")


def alerts(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command. Returns the exit status: 0, 1 for errors, 130 after an interrupt."""
    options = _parser().parse_args(arguments)
    return ended(lambda: connected(options, environ, _COMMANDS[options.command]), {ServiceError: "", OSError: ""})


def _list(client: Client, options: argparse.Namespace, report: Report) -> None:
    query: dict[str, Any] = {"seen": False} if options.unseen else {}
    if options.rule is not None:
        query["rule_id"] = _RULES.named(client, options.rule)["id"]
    found = islice(client.alerts(**query), options.count)
    report.table(_HEADS, map(_row, _marked(client, found) if options.mark else found), "no alerts")


def _marked(client: Client, found: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The alerts, each marked as seen."""
    for alert in found:
        client.mark_alert(alert["id"], seen=True)
        yield alert


def _row(alert: Mapping[str, Any]) -> tuple[str, ...]:
    event = " ".join(filter(None, (alert["event"], alert["zone"] or alert["line"], alert["direction"])))
    return (_time(alert), alert["rule_name"], alert["label"], f"{alert['score']:.2f}", event, *_where(alert))


def _time(alert: Mapping[str, Any]) -> str:
    at = datetime.fromtimestamp(alert["at_ms"] / 1000, UTC).astimezone().isoformat(" ", "seconds")
    return at if alert["dated"] else f"uploaded {at}"


def _where(alert: Mapping[str, Any]) -> tuple[str, str]:
    """Where to look, and the number of the track there."""
    kinds = [kind for kind in ("job", "video", "stream") if alert[f"{kind}_id"]]
    place = f"{kinds[0]} {alert[f'{kinds[0]}_id']}" if kinds else ""
    return f"{place} at {alert['start_ms'] / 1000:.1f} s", str(alert["track"])


def _rules(client: Client, _options: argparse.Namespace, report: Report) -> None:
    heads = ("id", "name", "on", "schedule", ":seconds apart", "fails")
    report.table(heads, map(_rule_row, client.alert_rules()), "no rules")


def _rule_row(rule: Mapping[str, Any]) -> tuple[str, ...]:
    schedule = rule["schedule"]
    hours = f"{schedule['from']}-{schedule['to']} {schedule['timezone']}" if schedule else "always"
    fails = (rule.get("error") or {}).get("detail", "")  # a service of before does not say it
    return (rule["id"], rule["name"], "yes" if rule["enabled"] else "no", hours, str(rule["at_most_one_in_s"]), fails)


_COMMANDS: dict[str, Command] = {"list": _list, "rules": _rules, **_RULES.commands}


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)


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
    _RULES.add_parsers(commands)
    return parser
