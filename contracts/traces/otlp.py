"""Steps as OTLP over HTTP has them, in JSON: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from contracts import RELEASE
from contracts.runtime.steps import Fact, Recorded

CONTENT_TYPE = "application/json"
_ERROR = 2
_SCOPE = {"name": "web-detector", "version": RELEASE}


def request(resource: Mapping[str, Fact], ended: Iterable[Recorded]) -> bytes:
    """The body of an ExportTraceServiceRequest. resource: what says which process did it."""
    scope = {"scope": _SCOPE, "spans": [_span(one) for one in ended]}
    return msgspec.json.encode(
        {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}]}
    )


def rejected(answer: bytes) -> int:
    """How many spans a collector that has answered 200 did not take."""
    try:
        return int(msgspec.json.decode(answer)["partialSuccess"]["rejectedSpans"])
    except (msgspec.DecodeError, LookupError, TypeError, ValueError):  # nothing is said, or something else
        return 0


def _span(one: Recorded) -> dict[str, Any]:
    facts, error = one.step.facts, one.step.error
    found = {
        "traceId": one.span.trace,
        "spanId": one.span.id,
        "flags": 1,
        "name": one.step.name,
        "kind": int(one.step.kind),
        "startTimeUnixNano": str(one.began),
        "endTimeUnixNano": str(one.ended),
        "attributes": _attributes({**facts, "error.type": error} if error else facts),
    }
    if one.parent:
        found["parentSpanId"] = one.parent
    if error:
        found["status"] = {"code": _ERROR, "message": error}
    return found


def _attributes(facts: Mapping[str, Fact]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in facts.items()]


def _value(value: Fact) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
    # A lone surrogate is no UTF-8.
    return {"stringValue": value.encode(errors="backslashreplace").decode()}
