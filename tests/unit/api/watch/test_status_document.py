"""What is wrong now, by the numbers of the metrics."""

import re
from typing import Any

import pytest
import yaml

from api.watch.numbers import Numbers
from api.watch.problems import (
    LEAST_FREE_BYTES,
    LEAST_SERVED,
    MOST_RATIO,
    MOST_RESULT_BYTES,
    Problem,
    problems,
)
from api.watch.status_document import document
from contracts.metrics import table
from contracts.metrics.table import Metric, Reading
from contracts.workers.registration import Instance
from tests.support.deployments.service import ROOT
from tests.support.service_numbers import WRONG, numbers

RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((ROOT / "deploy/monitoring/rules.yaml").read_text())["groups"]
    for rule in group["rules"]
}


def test_a_service_in_order_has_no_problem_at_the_very_thresholds() -> None:
    assert problems(numbers()) == []


@pytest.mark.parametrize(("changed", "alert", "what"), WRONG, ids=[what for _, _, what in WRONG])
def test_what_is_wrong_has_the_name_and_severity_of_its_alert(
    changed: dict[tuple[Metric, str], float], alert: str, what: str
) -> None:
    [problem] = problems(numbers(changed))
    assert (problem.alert, problem.severity) == (alert, RULES[alert]["labels"]["severity"])
    assert problem.what.startswith(what)
    assert problem.do.endswith(".")


@pytest.mark.parametrize(
    ("alert", "threshold"),
    [
        ("DetectorsLacking", MOST_RATIO),
        ("LiveDetectorsLacking", MOST_RATIO),
        ("StreamsUnserved", LEAST_SERVED),
        ("StorageNearlyFull", LEAST_FREE_BYTES),
        ("ResultStoreLarge", MOST_RESULT_BYTES),
    ],
)
def test_thresholds_are_those_of_the_alerts(alert: str, threshold: float) -> None:
    bound = re.split(r"[<>]", RULES[alert]["expr"])[-1]
    factors = [float(base) ** float(power or 1) for base, power in re.findall(r"([\d.]+)(?:\^(\d))?", bound)]
    assert threshold == factors[0] * (factors[1] if len(factors) > 1 else 1)


def test_no_streams_need_no_ingest() -> None:
    gone: dict[tuple[Metric, str], float] = {(table.WORKERS, "ingest"): 0, (table.WORKERS, "live_detector"): 0}
    assert problems(numbers({**gone, (table.STREAMS, "live"): 0})) == []
    assert len(problems(numbers(gone))) == 2


def test_critical_problems_come_first() -> None:
    changed = {key: value for one, _, _ in WRONG[:7] for key, value in one.items()}
    assert [problem.severity for problem in problems(numbers(changed))] == ["critical"] * 4 + ["warning"] * 3


def test_lacking_detectors_are_counted() -> None:
    changed: dict[tuple[Metric, str], float] = {
        (table.SCALE_RATIO, "detector"): 2.5,
        (table.DETECTORS_WANTED, "detector"): 5,
    }
    assert problems(numbers(changed)) == [
        Problem(
            "DetectorsLacking",
            "warning",
            "The backlog of jobs takes 2.5 times as long as it may.",
            "Add detectors (5 would be enough, 2 of them are there), or accept the wait.",
        )
    ]


def test_the_document_has_all_numbers() -> None:
    workers = [Instance("detector", "gpu-1:7:ab", 2.04, ("m",)), Instance("ingest", "here:8:cd", 0.0, ())]
    found = document(numbers(), workers)
    assert found["problems"] == []
    assert found["workers"]["detector"] == [{"name": "gpu-1:7:ab", "heard_seconds": 2.0, "models": ["m"]}]
    assert found["workers"]["processor"] == []
    assert found["jobs"] == {
        "by_state": {"queued": 0, "planning": 0, "running": 1, "merging": 0},
        "backlog_frames": 600,
        "backlog_seconds": 15.0,
        "chunks_outstanding": 4,
    }
    assert (found["streams"]["by_state"]["live"], found["streams"]["wanted_fps"]) == (1, 20)
    assert found["scale"]["detector"] == {"ratio": 1, "capacity_fps": 40, "detectors_wanted": 2}
    assert found["storage"] == {"videos_bytes": 1000, "renditions_bytes": 100, "free_bytes": LEAST_FREE_BYTES}


def test_what_cannot_be_read_is_null() -> None:
    found = document(Numbers([Reading(table.SERVER_UP, 0, ("redis",))]), None)
    assert {name for name, value in found.items() if value is None} == {
        "workers", "jobs", "streams", "scale", "storage", "result_store_bytes",
    }  # fmt: skip
    assert [(one["alert"], one["what"]) for one in found["problems"]] == [("ServerDown", "Redis does not answer.")]


def test_a_backlog_takes_an_unknown_time_until_a_speed_was_measured() -> None:
    assert document(numbers({(table.CAPACITY, "detector"): 0}), [])["jobs"]["backlog_seconds"] is None
