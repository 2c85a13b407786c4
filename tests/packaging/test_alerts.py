"""The alerts of deploy/monitoring: what they read is there, each fires in promtool, and the runbook has it."""

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.watch.problems import problems
from contracts.metrics import table
from contracts.metrics.table import BY_NAME, Reading
from contracts.wire.tasks import QUEUE_DETECTOR, QUEUE_PROBE, QUEUE_PROCESSOR, QUEUE_RECOVERY, QUEUE_RENDER
from tests.support.deployments.service import ROOT
from tests.support.scraping import tool
from tests.support.service_numbers import WRONG, Values, numbers, readings

FOLDER = ROOT / "deploy/monitoring"
GROUPS: dict[str, list[dict[str, Any]]] = {
    group["name"]: group["rules"] for group in yaml.safe_load((FOLDER / "rules.yaml").read_text())["groups"]
}
RULES = [rule for rules in GROUPS.values() for rule in rules]
TESTS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "rules_test.yaml").read_text())["tests"]
# Values of labels that the table does not list.
KNOWN = {
    "operation": re.findall(r"operationId: (\S+)", (ROOT / "api/openapi.yaml").read_text()),
    "queue": [QUEUE_PROBE, QUEUE_PROCESSOR, QUEUE_RECOVERY, QUEUE_RENDER, QUEUE_DETECTOR],
    "outcome": ["done", "retry", "rejected", "failed"],
    "status": ["2xx", "3xx", "4xx", "5xx"],
}
_SUFFIXES = re.compile(r"_(bucket|count|sum)$")


def metric_of(name: str) -> str:
    return name if name in BY_NAME else _SUFFIXES.sub("", name)


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_reads_metrics_and_label_values_of_the_table(rule: dict[str, Any]) -> None:
    found = re.findall(r"(web_detector_\w+)(?:{([^}]*)})?", rule["expr"])
    # What exporters tell is asked of them by tests/long/test_exporters.py.
    assert found or rule["expr"].startswith("up{") or rule in GROUPS["servers"]
    for name, matchers in found:
        metric = BY_NAME[metric_of(name)]
        assert (metric.kind == "histogram") == bool(_SUFFIXES.search(name)), name
        for label, operator, value in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', matchers):
            assert label in metric.labels
            known = metric.values or KNOWN.get(label, ())
            assert not known or any(re.fullmatch(value, one) for one in known), (name, operator, value)
    assert rule["labels"]["severity"] in ("warning", "critical")


def test_thresholds_lie_below_the_last_bucket_of_what_they_read() -> None:
    for rule in RULES:
        if "histogram_quantile" in rule["expr"]:
            [name] = re.findall(r"web_detector_\w+_bucket", rule["expr"])
            threshold = float(rule["expr"].rsplit(">", 1)[1])
            assert threshold < BY_NAME[metric_of(name)].buckets[-1] / 2


def test_each_alert_has_a_line_in_the_runbook_and_no_other_has() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", (ROOT / "docs/operate/runbook.md").read_text(), re.M)
    assert rows == [rule["alert"] for rule in RULES]


def test_each_alert_is_shown_to_fire_and_none_at_a_service_in_order() -> None:
    *firing, quiet = [test["alert_rule_test"] for test in TESTS]
    assert [case["alertname"] for [case] in firing if case["exp_alerts"]] == [rule["alert"] for rule in RULES]
    assert [(case["alertname"], case["exp_alerts"]) for case in quiet] == [(rule["alert"], []) for rule in RULES]


@pytest.mark.parametrize("words", [("check", "config", "prometheus.yaml"), ("test", "rules", "rules_test.yaml")])
def test_promtool_agrees(words: tuple[str, ...]) -> None:
    done = subprocess.run([tool("promtool"), *words], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


_NO_WORKERS: Values = {(table.WORKERS, role): 0 for role in table.WORKERS.values}
_NO_STREAMS: Values = {(table.STREAMS, state): 0 for state in table.STREAMS.values}
STATES: list[Values] = [
    {},
    *(changed for changed, _, _ in WRONG),
    _NO_WORKERS,
    *({**_NO_WORKERS, **_NO_STREAMS, (table.STREAMS, state): 1} for state in table.STREAMS.values),
]


def _series(reading: Reading) -> dict[str, str]:
    labels = ",".join(f'{name}="{value}"' for name, value in zip(reading.metric.labels, reading.labels, strict=True))
    return {"series": f"{reading.metric.name}{{{labels}}}", "values": f"{reading.value}x10"}


def _fires(changed: Values) -> dict[str, Any]:
    """A test of promtool: of a service whose numbers stay, the alerts that fire have the names of its problems."""
    found = Counter(problem.alert for problem in problems(numbers(changed)))
    firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    wanted = [{"labels": f'{{alertname="{name}"}}', "value": count} for name, count in found.items()]
    return {
        "interval": "5m",
        "input_series": [_series(reading) for reading in readings(changed)],
        "promql_expr_test": [{"expr": firing, "eval_time": "50m", "exp_samples": wanted}],
    }


def test_the_alerts_that_fire_are_the_problems_that_last(tmp_path: Path) -> None:
    file = tmp_path / "tests.json"
    rules = str(FOLDER / "rules.yaml")
    tests = [_fires(changed) for changed in STATES]
    file.write_text(json.dumps({"rule_files": [rules], "evaluation_interval": "5m", "tests": tests}))
    done = subprocess.run([tool("promtool"), "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
