"""One id to follow work by through all roles: W3C's Trace Context, and what log lines are about.

A trace is begun by a client, or by the api at a request without one; it goes on in the header `traceparent` of messages
and answers. Each step (a request, a task) is a span of it with an id of its own. Nothing is measured or exported here.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass

HEADER = "traceparent"
# Version 00, and what a later one must begin with.
_FORMAT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True, slots=True)
class Span:
    """trace: 32 hexadecimal digits, the same for all that belongs together. id: 16 of this step. flags: as they came,
    such as 01 where the client records the trace."""

    trace: str
    id: str
    flags: str = "00"

    @property
    def traceparent(self) -> str:
        """The header for what comes next."""
        return f"00-{self.trace}-{self.id}-{self.flags}"


_span: ContextVar[Span | None] = ContextVar("span", default=None)
_subjects: ContextVar[Mapping[str, str]] = ContextVar("subjects", default={})  # noqa: B039  (never changed in place)


def span_after(traceparent: str | None) -> Span:
    """A new span of the trace in a header; of a new trace where there is none, or none that can be read."""
    found = _FORMAT.fullmatch(traceparent.strip()) if traceparent else None
    if found is None or (found[1] == "00" and found[5]):
        return Span(secrets.token_hex(16), secrets.token_hex(8))
    return Span(found[2], secrets.token_hex(8), found[4])


def current() -> Span | None:
    """The span of this task or thread."""
    return _span.get()


def subjects() -> Mapping[str, str]:
    """What log lines are about: ids by name, such as job and chunk."""
    return _subjects.get()


def enter(span: Span) -> "Token[Span | None]":
    """Begin a span; `leave` ends it."""
    return _span.set(span)


def leave(token: "Token[Span | None]") -> None:
    """End a span, in the thread or task that began it."""
    _span.reset(token)


@contextmanager
def following(traceparent: str | None) -> Iterator[Span]:
    """A span after a header."""
    span = span_after(traceparent)
    token = enter(span)
    try:
        yield span
    finally:
        leave(token)


@contextmanager
def working_on(traceparent: str | None, **ids: str | int) -> Iterator[None]:
    """Something that has a trace of its own, whoever asked for this step of it. Without one, the trace goes on."""
    with about(**ids):
        if traceparent is None:
            yield
            return
        with following(traceparent):
            yield


@contextmanager
def about(**ids: str | int) -> Iterator[None]:
    """Log lines are about these, besides what they are about already."""
    token = _subjects.set({**_subjects.get(), **{name: str(value) for name, value in ids.items()}})
    try:
        yield
    finally:
        _subjects.reset(token)
