"""Each request has a trace, and its time is counted by operation."""

import asyncio
from typing import Any

import pytest

from api.web.request_watch import NotedOperation, RequestWatch
from contracts.metrics import table
from contracts.metrics.totals import Totals
from contracts.runtime import tracing
from contracts.runtime.steps import Fact, Kind, Step
from tests.support.traces.recorded_steps import CLIENT, HEADER, TRACE, kept


def answered(
    headers: dict[str, str],
    messages: list[dict[str, Any]],
    kind: str = "http",
    routed: bool = True,
    operation: str = "api.routes.jobs.get_job",
) -> tuple[list[dict[str, Any]], Totals, tracing.Span]:
    """What a client gets of an application that answers so, what was counted, and the span that it saw."""
    totals, sent, spans = Totals(), [], []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    async def application(scope: Any, _receive: Any, send: Any) -> None:
        span = tracing.current()
        assert span is not None
        spans.append(span)
        for message in messages:
            await send(message)

    async def router(scope: Any, receive: Any, send: Any) -> None:
        routing = {"connexion_routing": {"operation_id": operation}} if routed else {}
        await NotedOperation(application)({**scope, "extensions": routing}, receive, send)  # a copy, as Connexion's

    scope = {"type": kind, "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
    asyncio.run(RequestWatch(router, totals)(scope, receive, send))
    return sent, totals, spans[0]


def start(status: int = 200, content_type: str = "application/json") -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": [(b"content-type", content_type.encode())]}


END = {"type": "http.response.body", "body": b""}


@pytest.mark.parametrize(
    ("status", "routed", "labels"),
    [(200, True, ("api.routes.jobs.get_job", "2xx")), (404, False, ("none", "4xx"))],
)
def test_the_time_of_an_answer_is_counted_once_by_operation(status: int, routed: bool, labels: tuple[str, ...]) -> None:
    more = {"type": "http.response.body", "body": b"x", "more_body": True}
    _, totals, _ = answered({}, [start(status), more, END], routed=routed)
    [row] = totals.rows()
    assert (row.name, row.labels) == (table.HTTP_SECONDS.name, labels)
    assert sum(row.numbers[:-1]) == 1


@pytest.mark.parametrize(("kind", "content_type"), [("http", "text/event-stream"), ("websocket", "application/json")])
def test_what_has_no_end_of_its_own_is_not_counted(kind: str, content_type: str) -> None:
    _, totals, _ = answered({}, [start(200, content_type), END], kind)
    assert totals.rows() == []


def test_the_trace_of_the_client_goes_on_and_the_answer_says_so() -> None:
    sent, _, span = answered({"traceparent": HEADER}, [start(), END])
    assert span.trace == TRACE
    assert dict(sent[0]["headers"])[b"traceparent"] == span.traceparent.encode()


def test_without_one_a_trace_begins() -> None:
    sent, _, span = answered({"traceparent": "nonsense"}, [start(), END])
    assert dict(sent[0]["headers"])[b"traceparent"] == span.traceparent.encode()
    assert tracing.current() is None


def test_a_request_is_a_step_by_its_route_and_status() -> None:
    with kept() as recorded:
        *_, span = answered({"traceparent": HEADER}, [start(404), END])
        answered({}, [start(503), END])
    found, failed = recorded
    assert (found.span, found.parent) == (span, CLIENT)
    facts: dict[str, Fact] = {
        "web_detector.operation": "api.routes.jobs.get_job",
        "http.request.method": "GET",
        "http.route": "/api/v1/jobs/{job_id}",
        "http.response.status_code": 404,
    }
    assert found.step == Step("GET /api/v1/jobs/{job_id}", Kind.SERVER, facts)
    assert (failed.parent, failed.step.error) == ("", "503")


def test_probes_and_files_are_no_steps() -> None:
    with kept() as recorded:
        answered({"traceparent": HEADER}, [start(), END], routed=False)
        answered({"traceparent": HEADER}, [start(), END], operation="api.routes.status.healthz")
    assert recorded == []
