"""What is measured of a trace: steps of the work, each a span with its time, what it was about, and how it ended.

A step is recorded where its trace is (`tracing.Span.is_recorded`), and only where this process exports: see
contracts.traces. Else it is no more than an id in log lines.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum

from contracts.errors import WebDetectorError
from contracts.runtime import tracing

Fact = str | int | float
# Before the names of facts that are ours, as OpenTelemetry asks for.
_OURS = "web_detector."


class Kind(IntEnum):
    """Whom a step is for, as OTLP numbers it."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    CONSUMER = 5


@dataclass(slots=True)
class Step:
    """A step that has not ended. name: empty for one that is not worth recording. facts: by name, as OpenTelemetry's
    conventions have it. error: its code, where it failed."""

    name: str
    kind: Kind
    facts: dict[str, Fact] = field(default_factory=dict)
    error: str = ""

    def note(self, **facts: Fact) -> None:
        """Facts by names of ours."""
        self.facts.update({_OURS + name: value for name, value in facts.items()})


@dataclass(frozen=True, slots=True)
class Recorded:
    """A step that has ended. parent: id of the span that it belongs to, empty for none. began, ended: nanoseconds since
    1970."""

    span: tracing.Span
    parent: str
    began: int
    ended: int
    step: Step


Export = Callable[[Recorded], None]


@dataclass(frozen=True, slots=True)
class _Exporting:
    export: Export
    share: float


_exporting: _Exporting | None = None
_open: ContextVar[Step | None] = ContextVar("step", default=None)
# Of the message in progress, until its first step has them.
_message: ContextVar[dict[str, Fact] | None] = ContextVar("message", default=None)


def export_to(export: Export | None, share: float = 1.0) -> None:
    """From now on this process, and those that it forks, pass on steps that are recorded; None: no longer. share: of
    the traces that begin here, 0 to 1."""
    global _exporting
    _exporting = _Exporting(export, share) if export else None


@contextmanager
def step(name: str, kind: Kind = Kind.INTERNAL, *, begins: bool = False, **facts: Fact) -> Iterator[Step]:
    """Do something as a step of the current span. An exception is its error. begins: where there is no span, a trace
    that may be recorded begins; else one that is not."""
    above = tracing.current()
    share = _exporting.share if _exporting and begins else 0.0
    span = tracing.below(above) if above else tracing.begun(share)
    found = Step(name, kind)
    found.note(**tracing.subjects(), **facts)
    if message := _message.get():
        found.kind, found.facts = Kind.CONSUMER, {**message, **found.facts}
        _message.set(None)
    began, token, opened = time.time_ns(), tracing.enter(span), _open.set(found)
    clock = time.perf_counter_ns()
    try:
        yield found
    except Exception as error:
        found.error = found.error or code_of(error)
        raise
    finally:
        _open.reset(opened)
        tracing.leave(token)
        record(Recorded(span, above.id if above else "", began, began + time.perf_counter_ns() - clock, found))


def record(ended: Recorded) -> None:
    """Pass on a step that has ended, if it is recorded."""
    if _exporting and ended.span.is_recorded and ended.step.name:
        _exporting.export(ended)


def note(**facts: Fact) -> None:
    """Facts about the current step."""
    if found := _open.get():
        found.note(**facts)


def add(**amounts: float) -> None:
    """Add to numbers of the current step."""
    if found := _open.get():
        for name, amount in amounts.items():
            before = found.facts.get(_OURS + name)
            found.facts[_OURS + name] = amount + (before if isinstance(before, int | float) else 0)


def fail(code: str) -> None:
    """The current step has failed, though nothing is raised."""
    if found := _open.get():
        found.error = code


def code_of(error: BaseException) -> str:
    """The code of an error. Not its text, which may name an address with a password."""
    return error.code if isinstance(error, WebDetectorError) else type(error).__name__


def receive(facts: dict[str, Fact] | None) -> None:
    """A message has come, which the next step in this thread is about; None: it is done."""
    _message.set(facts)
