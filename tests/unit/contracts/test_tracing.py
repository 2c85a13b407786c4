"""One trace through requests, messages and log lines."""

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from contracts.metrics import table
from contracts.metrics.totals import Totals
from contracts.runtime import tracing
from contracts.runtime.log_setup import JsonFormatter
from contracts.runtime.steps import Kind, step
from contracts.workers import task_watch
from contracts.workers.task_watch import TaskWatch
from tests.support.traces.recorded_steps import kept

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
HEADER = f"00-{TRACE}-{PARENT}-01"


def test_a_trace_goes_on_with_a_span_of_its_own() -> None:
    above = tracing.named(HEADER)
    assert above == tracing.Span(TRACE, PARENT, "01")
    span = tracing.below(above)
    assert (span.trace, span.flags) == (TRACE, "01")
    assert span.id != PARENT
    assert span.traceparent == f"00-{TRACE}-{span.id}-01"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "x",
        HEADER[:-1],
        HEADER.upper(),
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{HEADER}-more",
        HEADER + "\n" + HEADER,
    ],
)
def test_what_is_no_traceparent_names_no_span(header: str | None) -> None:
    assert tracing.named(header) is None


def test_a_trace_that_begins_can_be_named() -> None:
    span = tracing.begun()
    assert tracing.named(span.traceparent) == span
    assert span.trace != tracing.begun().trace


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert tracing.named(f"01-{TRACE}-{PARENT}-01-what-comes") == tracing.Span(TRACE, PARENT, "01")


def test_work_of_a_trace_of_its_own_leaves_the_callers_trace() -> None:
    outer = tracing.begun()
    with tracing.within(outer):
        with tracing.working_on(HEADER, job="j"):
            assert tracing.current() == tracing.of_job(HEADER, "j")
            assert tracing.subjects() == {"job": "j"}
        with tracing.working_on(None, job="k"):
            assert tracing.current() == outer
        assert tracing.current() == outer
    assert (tracing.current(), tracing.subjects()) == (None, {})


def line(message: str, *arguments: object, **more: Any) -> dict[str, Any]:
    record = logging.LogRecord("room.file", logging.WARNING, "", 0, message, arguments, more.get("exc_info"))
    text = JsonFormatter().format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_line_of_json_is_written_whatever_is_in_it() -> None:
    assert line("no file %s", "caf\udce9")["message"] == "no file caf\\udce9"


def test_a_line_of_json_has_its_ids() -> None:
    span = tracing.begun()
    with tracing.within(span), tracing.about(job="j", chunk=3):
        found = line("%d frames\nare lost", 4)
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "warning",
        "logger": "room.file",
        "message": "4 frames\nare lost",
        "trace": span.trace,
        "span": span.id,
        "job": "j",
        "chunk": "3",
    }


def test_a_line_of_json_has_its_traceback() -> None:
    try:
        raise ValueError("broken")
    except ValueError as error:
        found = line("x", exc_info=(ValueError, error, error.__traceback__))
    assert "ValueError: broken" in found["error"]
    assert "trace" not in found


def task(headers: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(name="t", request=SimpleNamespace(delivery_info={"routing_key": "q"}, **headers))


def test_a_task_goes_on_with_the_trace_of_who_sent_it_and_is_counted() -> None:
    totals = Totals()
    watch = TaskWatch(totals)
    headers: dict[str, Any] = {}
    with tracing.within(tracing.named(HEADER)):
        task_watch._mark(headers)
    began = task(headers)
    watch._begin(task_id="1", task=began)
    try:
        assert tracing.traceparent() == HEADER
        with kept() as recorded, step("chunk"):
            pass
    finally:
        watch._end(task_id="1", task=began, state="SUCCESS")
    assert tracing.current() is None
    found = {(row.name, row.labels) for row in totals.rows()}
    assert found == {
        (table.QUEUE_WAIT.name, ("q",)),
        (table.TASK_SECONDS.name, ("t",)),
        (table.TASKS.name, ("t", "done")),
    }
    [chunk] = recorded
    assert (chunk.parent, chunk.step.kind) == (PARENT, Kind.CONSUMER)
    assert chunk.step.facts.pop("web_detector.queue_wait_s") >= 0  # type: ignore[operator]
    assert chunk.step.facts == {
        "messaging.system": "celery",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "q",
        "messaging.message.id": "1",
        "web_detector.task": "t",
    }


def test_a_message_without_headers_begins_a_trace_and_one_that_was_to_wait_is_not_late() -> None:
    totals = Totals()
    watch = TaskWatch(totals)
    headers: dict[str, Any] = {"eta": "2026-01-01"}
    task_watch._mark(headers)
    for began in (task(headers), task({})):
        watch._begin(task_id="1", task=began)
        assert tracing.current() is not None
        watch._end(task_id="1", task=began, state="FAILURE")
    assert {row.name for row in totals.rows()} == {table.TASK_SECONDS.name, table.TASKS.name}
    [tasks] = [row for row in totals.rows() if row.name == table.TASKS.name]
    assert (tasks.labels, tasks.numbers) == (("t", "failed"), (2.0,))
