"""One id to follow work by through all roles: W3C's Trace Context, and what log lines are about.

A trace is begun by a client, or by the api at a request without one; it goes on in the header `traceparent` of messages
and answers. Nothing is measured here: see contracts.runtime.steps.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass

HEADER = "traceparent"
# Version 00, and what a later one must begin with.
_FORMAT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
# Of a trace id, the digits that must be random, and the numbers that they can be.
_RANDOM_DIGITS = 14
_RANDOM_NUMBERS = 16**_RANDOM_DIGITS


@dataclass(frozen=True, slots=True)
class Span:
    """A step, as others refer to it. trace: 32 hexadecimal digits, the same for all that belongs together. id: 16 of
    this step. flags: as they came, such as 01 where the trace is recorded."""

    trace: str
    id: str
    flags: str = "00"

    @property
    def traceparent(self) -> str:
        """The header for what comes next."""
        return f"00-{self.trace}-{self.id}-{self.flags}"

    @property
    def is_recorded(self) -> bool:
        """Whether whoever began the trace wants it recorded."""
        return bool(int(self.flags, 16) & 1)


_span: ContextVar[Span | None] = ContextVar("span", default=None)
_subjects: ContextVar[Mapping[str, str]] = ContextVar("subjects", default={})  # noqa: B039  (never changed in place)


def named(traceparent: str | None) -> Span | None:
    """The span that a header names; None where there is none, or none that can be read."""
    found = _FORMAT.fullmatch(traceparent.strip()) if traceparent else None
    if found is None or (found[1] == "00" and found[5]):
        return None
    return Span(found[2], found[3], found[4])


def begun(share: float = 0.0) -> Span:
    """A span of a new trace. share: of all new traces, how many are recorded, 0 to 1."""
    trace = secrets.token_hex(16)
    drawn = int(trace[-_RANDOM_DIGITS:], 16) < share * _RANDOM_NUMBERS
    return Span(trace, secrets.token_hex(8), "01" if drawn else "00")


def below(span: Span) -> Span:
    """A new span of the same trace."""
    return Span(span.trace, secrets.token_hex(8), span.flags)


def of_job(traceparent: str | None, job_id: str) -> Span | None:
    """The span of a job from its making to its end. Its id follows from that of the job, so that whoever works on the
    job knows it. traceparent: any of the job's trace."""
    found = named(traceparent)
    if found is None:
        return None
    return Span(found.trace, hashlib.blake2b(job_id.encode(), digest_size=8).hexdigest(), found.flags)


def current() -> Span | None:
    """The span of this task or thread."""
    return _span.get()


def traceparent() -> str | None:
    """The header for what this task or thread sends."""
    span = _span.get()
    return span.traceparent if span else None


def subjects() -> Mapping[str, str]:
    """What log lines are about: ids by name, such as job and chunk."""
    return _subjects.get()


def enter(span: Span | None) -> "Token[Span | None]":
    """Go on within a span; `leave` ends that."""
    return _span.set(span)


def leave(token: "Token[Span | None]") -> None:
    """Go on as before, in the thread or task that entered the span."""
    _span.reset(token)


@contextmanager
def within(span: Span | None) -> Iterator[None]:
    """What is done belongs to a span, which has begun elsewhere; None: to no span."""
    token = enter(span)
    try:
        yield
    finally:
        leave(token)


@contextmanager
def working_on(traceparent: str | None, job: str, **ids: str | int) -> Iterator[None]:
    """What is done belongs to the span of a job, whoever asked for it. traceparent: of its trace; without one, the
    caller's goes on."""
    with about(job=job, **ids), within(of_job(traceparent, job) or current()):
        yield


@contextmanager
def about(**ids: str | int) -> Iterator[None]:
    """Log lines are about these, besides what they are about already."""
    token = _subjects.set({**_subjects.get(), **{name: str(value) for name, value in ids.items()}})
    try:
        yield
    finally:
        _subjects.reset(token)
