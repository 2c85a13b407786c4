"""Steps of a trace: what is recorded of them, and whose they are."""

from collections.abc import Iterator

import pytest

from contracts.errors import StorageFull
from contracts.metrics.totals import Counts
from contracts.runtime import steps, tracing
from contracts.runtime.steps import Kind, Recorded, step
from contracts.settings.table import Settings
from contracts.traces.opened import export_traces
from tests.support.traces.recorded_steps import CLIENT, HEADER, TRACE, kept, of_client

JOB = "0b1f2d7c-5b8e-4d5e-9a6e-0d3f8c1b2a3d"


@pytest.fixture
def recorded() -> Iterator[list[Recorded]]:
    with kept() as found:
        yield found


def test_steps_are_children_of_what_they_are_done_in(recorded: list[Recorded]) -> None:
    with tracing.within(of_client()), tracing.about(video="v"), step("outer") as outer:
        above = tracing.current()
        with step("inner", Kind.CLIENT, size=3):
            steps.note(more="x")
            steps.add(seconds=0.5, frames=3)
            steps.add(seconds=0.25, frames=4)
        outer.note(done=True)
    assert tracing.current() is None
    inner, whole = recorded
    assert above is not None
    assert (whole.step.name, whole.span, whole.parent) == ("outer", above, CLIENT)
    assert (inner.step.name, inner.parent, inner.step.kind) == ("inner", above.id, Kind.CLIENT)
    assert inner.span.trace == TRACE
    assert inner.step.facts == {
        "web_detector.video": "v",
        "web_detector.size": 3,
        "web_detector.more": "x",
        "web_detector.seconds": 0.75,
        "web_detector.frames": 7,
    }
    assert type(inner.step.facts["web_detector.frames"]) is int
    assert whole.step.facts == {"web_detector.video": "v", "web_detector.done": True}
    assert whole.began <= inner.began <= inner.ended <= whole.ended


def test_an_exception_is_the_error_of_its_step_by_its_code_alone(recorded: list[Recorded]) -> None:
    def failing(error: Exception) -> None:
        with tracing.within(of_client()), step("x"):
            raise error

    for error in (StorageFull("at http://user:password@there"), OSError("http://user:password@there")):
        with pytest.raises(type(error)):
            failing(error)
    with tracing.within(of_client()), step("x"):
        steps.fail("video_refused")
    assert [one.step.error for one in recorded] == [StorageFull.code, "OSError", "video_refused"]


def test_a_trace_that_its_client_does_not_record_is_left_alone(recorded: list[Recorded]) -> None:
    for header in (HEADER[:-1] + "0", HEADER[:-1] + "2"):
        with tracing.within(tracing.named(header)), step("x"):
            assert tracing.traceparent() is not None
    with tracing.within(of_client()), step(""):
        pass
    assert recorded == []


def test_where_nothing_is_exported_a_step_is_an_id_for_log_lines() -> None:
    with tracing.within(of_client()), step("x", begins=True):
        span = tracing.current()
    assert span is not None
    assert (span.trace, span.id == CLIENT) == (TRACE, False)
    with step("x", begins=True):
        begun = tracing.current()
    assert begun is not None
    assert not begun.is_recorded


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (1.0, 400, 400), (0.25, 40, 180)])
def test_of_traces_that_begin_here_a_share_is_recorded(share: float, least: int, most: int) -> None:
    with kept(share) as recorded:
        for _ in range(400):
            with step("outer", begins=True), step("inner"):
                pass
        for _ in range(10):
            with step("not worth a trace of its own"):
                pass
    names = [one.step.name for one in recorded]
    assert least <= names.count("outer") <= most
    assert names == ["inner", "outer"] * names.count("outer")


def test_whoever_works_on_a_job_knows_its_span(recorded: list[Recorded]) -> None:
    span = tracing.of_job(HEADER, JOB)
    assert span is not None
    assert span.id not in (CLIENT, of_client().id)
    with tracing.within(of_client()), tracing.working_on(HEADER, job=JOB, chunk=3), step("chunk"):
        below = tracing.traceparent()
    assert tracing.of_job(below, JOB) == span
    [chunk] = recorded
    assert (chunk.parent, chunk.span.trace) == (span.id, TRACE)
    assert chunk.step.facts == {"web_detector.job": JOB, "web_detector.chunk": "3"}
    assert tracing.of_job(None, JOB) is None
    assert tracing.of_job(HEADER, JOB[::-1]) != span


def test_the_first_step_of_a_message_says_how_it_came(recorded: list[Recorded]) -> None:
    steps.receive({"messaging.destination.name": "detector"})
    with tracing.within(of_client()):
        for name in ("first", "second"):
            with step(name):
                pass
    first, second = recorded
    assert (first.step.kind, first.step.facts) == (Kind.CONSUMER, {"messaging.destination.name": "detector"})
    assert (second.step.kind, second.step.facts) == (Kind.INTERNAL, {})


def test_without_a_collector_nothing_is_exported() -> None:
    export_traces(Settings(), "api", Counts())()
    assert steps._exporting is None
