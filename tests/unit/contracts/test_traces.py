"""Export to a collector: the body that it gets, and what happens when it does not take it."""

import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Iterator
from functools import partial

import pytest

from contracts import RELEASE
from contracts.metrics.table import SPANS
from contracts.metrics.totals import Totals
from contracts.runtime.steps import Fact, Kind, Recorded, Step
from contracts.runtime.tracing import below
from contracts.traces import exporter, otlp
from contracts.traces.exporter import Exporter
from tests.support.deployments.service import free_port
from tests.support.servers.webhook_receiver import Receiver
from tests.support.traces.otlp import collected, spans
from tests.support.traces.recorded_steps import CLIENT, TRACE, of_client
from tests.support.waiting import until


def ended(name: str = "x", error: str = "") -> Recorded:
    now = time.time_ns()
    return Recorded(below(of_client()), CLIENT, now - 1000, now, Step(name, Kind.INTERNAL, {}, error))


def test_a_body_is_as_the_specification_has_it() -> None:
    facts: dict[str, Fact] = {"text": "caf\udce9", "count": 2**40, "seconds": 0.5, "is_whole": True}
    span = of_client()
    step = Step("chunk", Kind.CONSUMER, dict(facts), "decode_failed")
    found = spans(otlp.request({"service.name": "a"}, [Recorded(span, "", 1, 2, step), ended()]))
    assert len(found) == 2
    assert (found[0].trace, found[0].id, found[0].parent) == (TRACE, CLIENT, "")
    assert (found[0].name, found[0].kind, found[0].began, found[0].ended) == ("chunk", 5, 1, 2)
    assert found[0].facts == {**facts, "text": "caf\\udce9", "error.type": "decode_failed"}
    assert (found[0].error, found[1].error, found[1].parent) == ("decode_failed", "", CLIENT)
    assert found[0].resource == {"service.name": "a"}


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        (b'{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}', 3),
        (b'{"partialSuccess":{}}', 0),
        (b"{}", 0),
        (b"", 0),
        (b"[]", 0),
        (b"<html>", 0),
    ],
)
def test_a_collector_says_how_many_spans_it_does_not_take(answer: bytes, count: int) -> None:
    assert otlp.rejected(answer) == count


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """One that is asked at once."""
    monkeypatch.setattr(exporter, "_INTERVAL_SECONDS", 0.005)
    monkeypatch.setattr(exporter, "_LONGEST_PAUSE_SECONDS", 0.01)
    with Receiver() as receiver:
        receiver.answer = lambda _: 200
        yield receiver


def counted(totals: Totals) -> dict[str, float]:
    """Spans by outcome."""
    return {row.labels[0]: row.numbers[0] for row in totals.rows() if row.name == SPANS.name and row.numbers[0]}


def test_steps_arrive_with_who_did_them(collector: Receiver) -> None:
    totals = Totals()
    address = f"http://us%40er:pass@127.0.0.1:{collector.port}"
    for url in (address, f"{address}/v1/traces/"):
        made = Exporter(url, "web-detector-api", totals)
        made.add(ended(url))
        made.close(60)
    first, second = collected(collector.calls)
    assert (first.service, first.resource["service.version"]) == ("web-detector-api", RELEASE)
    assert first.resource["service.instance.id"] == f"{first.resource['host.name']}-{first.resource['process.pid']}"
    assert {call.headers["authorization"] for call in collector.calls} == {f"Basic {b64encode(b'us@er:pass').decode()}"}
    assert second.name.endswith("/v1/traces/")
    assert counted(totals) == {"sent": 2}


def test_what_a_collector_does_not_take_for_now_is_sent_again(collector: Receiver) -> None:
    answers = iter([503, 429])
    collector.answer = lambda _: next(answers, 200)
    totals = Totals()
    made = Exporter(collector.url, "x", totals)
    made.add(ended())
    until(lambda: counted(totals))
    made.close(60)
    assert counted(totals) == {"sent": 1}
    assert len(collector.calls) == 3
    assert len({span.id for span in collected(collector.calls)}) == 1


def test_what_a_collector_refuses_is_dropped(collector: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    collector.answer = lambda _: 400
    totals = Totals()
    made = Exporter(collector.url, "x", totals)

    def was_dropped(count: int) -> bool:
        return counted(totals) == {"dropped": count}

    for count in (1, 2):
        made.add(ended())
        until(partial(was_dropped, count))
    made.close(60)
    assert len(collector.calls) == 2
    assert [record.message for record in caplog.records] == [
        "traces do not get to the collector at TRACES_URL: it refuses them with 400"
    ]


def test_what_cannot_be_written_ends_no_export(
    collector: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "_MOST_AT_ONCE", 1)
    bad = ended()
    bad.step.facts["count"] = None  # type: ignore[assignment]
    totals = Totals()
    made = Exporter(collector.url, "x", totals)
    for one in (bad, ended("first"), bad, ended("second")):
        made.add(one)
    made.close(60)
    assert counted(totals) == {"sent": 2, "dropped": 2}
    assert [span.name for span in collected(collector.calls)] == ["first", "second"]
    [line] = [record.message for record in caplog.records]
    assert line.startswith("traces are lost: AttributeError at ")
    assert "otlp.py:" in line


def test_steps_that_are_dropped_while_they_are_taken_end_no_export(collector: Receiver) -> None:
    class Shrinking(deque[Recorded]):
        def __len__(self) -> int:
            return super().__len__() + 1  # as it was a moment ago

    def was_sent(count: int) -> bool:
        return counted(totals) == {"sent": count}

    totals = Totals()
    made = Exporter(collector.url, "x", totals)
    made._waiting = Shrinking()
    for count in (1, 2):
        made.add(ended())
        until(partial(was_sent, count))
    made.close(60)


def test_where_no_thread_can_begin_work_goes_on(collector: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    totals = Totals()
    made = Exporter(collector.url, "x", totals)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        made.add(ended("early"))
    made.add(ended("late"))
    made.close(60)
    assert [span.name for span in collected(collector.calls)] == ["early", "late"]


@pytest.mark.usefixtures("collector")
def test_without_a_collector_the_newest_steps_wait_and_all_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    totals, port = Totals(), free_port()
    made = Exporter(f"http://127.0.0.1:{port}", "x", totals, most=10)
    for number in range(30):
        made.add(ended(f"step {number}"))
    until(lambda: caplog.records)
    with Receiver(port=port) as late:
        late.answer = lambda _: 200
        until(lambda: counted(totals).get("sent") == 10)
        assert [span.name for span in collected(late.calls)] == [f"step {number}" for number in range(20, 30)]
    made.close(60)
    made.add(ended())
    assert counted(totals) == {"sent": 10, "dropped": 21}


def test_the_end_of_a_process_does_not_wait_for_a_collector_that_hangs(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "_ANSWER_SECONDS", 600)
    hanging = threading.Event()
    collector.answer = lambda _: 200 if hanging.wait(600) else 500
    totals = Totals()
    made = Exporter(collector.url, "x", totals)
    made.add(ended())
    until(lambda: collector.calls)
    made.add(ended())
    made.close(0.05)
    assert not hanging.is_set()
    assert counted(totals) == {"dropped": 1}  # and the one on its way is not known
    hanging.set()
    until(lambda: counted(totals) == {"sent": 1, "dropped": 1})
