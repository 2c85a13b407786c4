"""What a collector reads from the body of POST /v1/traces: OTLP in JSON, strictly by its schema.

After opentelemetry/proto/trace/v1/trace.proto: each field that is not in it is refused. As the specification has it for
JSON, 64-bit numbers are texts, and ids are hexadecimal.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Annotated

import msgspec
from msgspec import Meta

from tests.support.servers.webhook_receiver import Call

_Trace = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
_Id = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")]
_Number = Annotated[str, Meta(pattern=r"^-?\d{1,19}$")]


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    pass


class _Value(_Message, frozen=True):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: _Number | None = None
    double_value: float | None = None

    @property
    def plain(self) -> str | bool | int | float:
        number = int(self.int_value) if self.int_value is not None else None
        [found] = [one for one in (self.string_value, self.bool_value, number, self.double_value) if one is not None]
        return found


class _Attribute(_Message, frozen=True):
    key: Annotated[str, Meta(min_length=1)]
    value: _Value


class _Status(_Message, frozen=True):
    code: Annotated[int, Meta(ge=0, le=2)] = 0
    message: str = ""


class _Span(_Message, frozen=True):
    trace_id: _Trace
    span_id: _Id
    name: Annotated[str, Meta(min_length=1)]
    kind: Annotated[int, Meta(ge=1, le=5)]
    start_time_unix_nano: _Number
    end_time_unix_nano: _Number
    parent_span_id: _Id = ""
    flags: int = 0
    attributes: tuple[_Attribute, ...] = ()
    status: _Status = _Status()


class _Scope(_Message, frozen=True):
    name: str
    version: str


class _ScopeSpans(_Message, frozen=True):
    scope: _Scope
    spans: tuple[_Span, ...]


class _Resource(_Message, frozen=True):
    attributes: tuple[_Attribute, ...]


class _ResourceSpans(_Message, frozen=True):
    resource: _Resource
    scope_spans: tuple[_ScopeSpans, ...]


class _Request(_Message, frozen=True):
    resource_spans: tuple[_ResourceSpans, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A span. parent: empty for none. began, ended: nanoseconds since 1970. error: empty where it did not fail."""

    trace: str
    id: str
    parent: str
    name: str
    kind: int
    began: int
    ended: int
    facts: dict[str, str | bool | int | float]
    error: str
    resource: dict[str, str | bool | int | float]

    @property
    def service(self) -> str:
        return str(self.resource["service.name"])


@cache
def spans(body: bytes) -> tuple[Seen, ...]:
    """The spans of a request; nobody may change them. Raises msgspec.ValidationError for what OTLP does not have."""
    found: list[Seen] = []
    for of_resource in msgspec.json.decode(body, type=_Request).resource_spans:
        resource = _facts(of_resource.resource.attributes)
        found += [_seen(span, resource) for of_scope in of_resource.scope_spans for span in of_scope.spans]
    return tuple(found)


def collected(calls: Iterable[Call]) -> list[Seen]:
    """All spans that a collector got."""
    found: list[Seen] = []
    for call in list(calls):
        assert (call.path, call.headers["content-type"]) == ("/v1/traces", "application/json")
        found += spans(call.body)
    return found


def _facts(attributes: tuple[_Attribute, ...]) -> dict[str, str | bool | int | float]:
    found = {one.key: one.value.plain for one in attributes}
    assert len(found) == len(attributes)
    return found


def _seen(span: _Span, resource: dict[str, str | bool | int | float]) -> Seen:
    began, ended = int(span.start_time_unix_nano), int(span.end_time_unix_nano)
    assert 0 < began <= ended
    assert span.flags & 1
    error = span.status.message if span.status.code == 2 else ""
    parent, facts = span.parent_span_id, _facts(span.attributes)
    return Seen(span.trace_id, span.span_id, parent, span.name, span.kind, began, ended, facts, error, resource)
