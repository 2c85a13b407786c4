"""Metrics: the table, what is counted, the line to the process that answers, and what Prometheus reads there."""

import re
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from contracts import RELEASE
from contracts.metrics import exporter, table
from contracts.metrics.bounded import per_stream
from contracts.metrics.exporter import RoleMetrics, serve
from contracts.metrics.line import Line, Sent
from contracts.metrics.opened import Metrics
from contracts.metrics.table import ROLES, TABLE, MetricRole, Reading, of_role
from contracts.metrics.totals import Counts, Row, Totals
from contracts.settings.table import Settings
from tests.support.deployments.service import ROOT, free_port
from tests.support.scraping import complaints, exposition, families, values
from tests.support.waiting import until
from tools import metrics_page


def text_of(role: MetricRole, totals: Totals, readings: tuple[Reading, ...] = ()) -> str:
    """What a scrape gives."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RoleMetrics(role, totals, lambda: readings))
    return generate_latest(registry).decode()


def series(role: MetricRole, totals: Totals, readings: tuple[Reading, ...] = ()) -> dict[str, float]:
    return values(text_of(role, totals, readings))


def test_names_and_labels_keep_to_the_conventions_of_prometheus() -> None:
    assert len({metric.name for metric in TABLE}) == len(TABLE)
    for metric in TABLE:
        assert re.fullmatch(r"web_detector_[a-z_]+", metric.name)
        assert not (metric.buckets and metric.name.endswith("_total"))
        assert list(metric.buckets) == sorted(set(metric.buckets))
        assert set(metric.roles) <= set(ROLES)
        assert metric.roles
        assert metric.meaning.endswith(".")
        assert not metric.values or len(metric.labels) == 1
        if metric.unit in ("seconds", "bytes"):
            assert metric.unit in metric.name


def test_series_whose_labels_are_known_are_there_before_anything_was_counted() -> None:
    found = series("detector", Totals())
    assert found["web_detector_frames_inferred_total"] == 0
    assert found["web_detector_chunks_total{outcome=poison}"] == 0
    assert found["web_detector_engine_images_count"] == 0


def test_counters_add_up_and_observations_fall_into_buckets() -> None:
    totals = Totals()
    for value in (0.3, 0.5, 7000.0):
        totals.add(table.QUEUE_WAIT, value, "detector")
    totals.add(table.FRAMES_INFERRED, 4)
    totals.add(table.FRAMES_INFERRED, 2)
    found = series("detector", totals)
    assert found["web_detector_frames_inferred_total"] == 6
    buckets = {
        bound: found[f"web_detector_queue_wait_seconds_bucket{{le={bound},queue=detector}}"]
        for bound in ("0.25", "0.5", "1800", "+Inf")
    }
    assert buckets == {"0.25": 0, "0.5": 2, "1800": 2, "+Inf": 3}
    assert found["web_detector_queue_wait_seconds_sum{queue=detector}"] == 7000.8


def test_gauges_are_read_at_the_scrape() -> None:
    reading = Reading(table.BUILD, 1, ("ingest", "1.0"))
    assert series("ingest", Totals(), (reading,))["web_detector_build_info{role=ingest,version=1.0}"] == 1


@pytest.mark.parametrize(
    ("metric", "labels"), [(table.JOBS, ("running",)), (table.CHUNKS, ()), (table.CPU_SECONDS, "x")]
)
def test_what_does_not_fit_the_table_is_refused(metric: table.Metric, labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=metric.name):
        Totals().add(metric, 1, *labels)


def test_where_nobody_asks_nothing_is_kept() -> None:
    Counts().add(table.FRAMES_INFERRED, 1)


def test_what_a_full_line_does_not_take_is_sent_later() -> None:
    line, totals = Line(), Totals()
    sent = Sent(line)
    try:
        many = [Row(table.TASKS.name, (f"task-{number}", "done"), (1.0,)) for number in range(100)]
        taken = 0
        while line.send(many):
            taken += 1
        sent.add(table.FRAMES_INFERRED, 5)
        sent.flush()
        for _ in range(taken):
            totals.merge(next(line.received(60)))
        assert table.FRAMES_INFERRED.name not in {row.name for row in totals.rows()}
        sent.add(table.FRAMES_INFERRED, 1)
        sent.flush()
        totals.merge(next(line.received(60)))
        assert Row(table.FRAMES_INFERRED.name, (), (6.0,)) in totals.rows()
    finally:
        line.close()


def test_rows_of_another_release_are_left_out() -> None:
    totals = Totals()
    totals.merge([Row("web_detector_unknown_total", (), (1.0,))])
    assert totals.rows() == []


@contextmanager
def served(port: int, totals: Totals, line: Line | None = None) -> Iterator[None]:
    stopping = threading.Event()
    metrics = RoleMetrics("detector", totals, tuple)
    thread = threading.Thread(target=serve, args=(port, "127.0.0.1", metrics, stopping, line))
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def scraped(port: int) -> dict[str, float]:
    return values(exposition(port))


def test_what_another_process_counts_is_read_at_the_port() -> None:
    port, line = free_port(), Line()
    sent = Sent(line)
    try:
        with served(port, Totals(), line):
            sent.add(table.FRAMES_INFERRED, 3)
            until(lambda: scraped(port).get("web_detector_frames_inferred_total") == 3)
    finally:
        line.close()


def test_a_second_process_takes_the_port_over_when_the_first_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "_TRY_SECONDS", 0.05)
    port, mine = free_port(), Totals()
    mine.add(table.FRAMES_INFERRED, 1)
    other = Totals()
    other.add(table.FRAMES_INFERRED, 2)
    with served(port, mine):
        until(lambda: scraped(port).get("web_detector_frames_inferred_total") == 1)
        waiting = served(port, other)
        waiting.__enter__()
    try:
        until(lambda: scraped(port).get("web_detector_frames_inferred_total") == 2)
    finally:
        waiting.__exit__(None, None, None)


def in_full(role: MetricRole) -> str:
    """All series of a role, with something in each."""
    totals, readings = Totals(), []
    for metric in of_role(role):
        labels = (metric.values[0],) if metric.values else tuple("x" for _ in metric.labels)
        if metric.kind == "gauge":
            readings.append(Reading(metric, 1, labels))
        else:
            totals.add(metric, 1, *labels)
    return text_of(role, totals, tuple(readings))


@pytest.mark.parametrize("role", ROLES)
def test_each_role_shows_its_metrics_as_promtool_wants_them(role: MetricRole) -> None:
    text = in_full(role)
    assert families(text) == {metric.name for metric in of_role(role)}
    assert complaints(text) == ""


def test_the_page_equals_the_table() -> None:
    text = metrics_page.PAGE.read_text()
    assert metrics_page.page(text) == text
    shown = re.findall(r"^\| `(web_detector_\w+)` \| (\w+) \|", text, re.M)
    assert shown == [(metric.name, metric.kind) for metric in TABLE]


def test_of_many_streams_the_largest_have_series_and_the_others_are_summed() -> None:
    found = per_stream(table.STREAM_FPS, {"a": 1, "b": 30, "c": 2, "d": 30}, 2)
    assert [(reading.labels, reading.value) for reading in found] == [(("b",), 30), (("d",), 30), (("others",), 3)]
    assert per_stream(table.STREAM_FPS, {"a": 1}, 2) == [Reading(table.STREAM_FPS, 1, ("a",))]


def test_the_release_is_that_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == RELEASE


def test_without_a_port_nothing_is_kept() -> None:
    assert type(Metrics(Settings()).counts) is Counts
