"""Events of scenes as the API shows them: filters, pages, counts. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.datastructures import QueryParams

from analytics.scenes.events import Event
from api.results.responses import labels, number, time_range
from api.results.selection import Filter
from contracts.errors import InvalidInput
from contracts.results.codec import SCORE_SCALE, time_ms

MOST_INTERVALS = 10_000
# Intervals of all series.
MOST_COUNTS = 2_000_000
_EVENT_COLUMNS = ("frame", "time_ms", "type", "zone", "line", "direction", "track", "label", "seconds")
_COUNT_COLUMNS = ("from_ms", "zone", "line", "label", "type", "direction", "count")


class EventQuery(Filter, frozen=True, kw_only=True):
    """Which events are wanted. start, stop: seconds, stop excluded. basis: what the events were made of, so that a
    cursor is not continued in others."""

    zones: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    start: float | None = None
    stop: float | None = None
    min_score: float | None = None
    basis: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class SceneEvents:
    """All events of a job at a scene, in order. zones, lines: their names. labels: of the model. track [n], rising,
    class_id [n], score [n] (1/10000): of the tracks. first_time, last_time: of the job's frames, in time_base."""

    events: Sequence[Event]
    zones: tuple[str, ...]
    lines: tuple[str, ...]
    labels: tuple[str, ...]
    track: NDArray[np.int64]
    class_id: NDArray[np.int64]
    score: NDArray[np.int64]
    time_base: tuple[int, int]
    first_time: int
    last_time: int

    def label(self, event: Event) -> str:
        return self.labels[self.class_of(event)]

    def class_of(self, event: Event) -> int:
        return int(self.class_id[self.track.searchsorted(event.track)])

    def score_of(self, event: Event) -> int:
        return int(self.score[self.track.searchsorted(event.track)])

    def seconds(self, time: int) -> float:
        return round(time_ms(time, self.time_base) / 1000, 6)

    def place(self, event: Event) -> dict[str, str]:
        """The name of the zone or line."""
        zones = len(self.zones)
        if event.target < zones:
            return {"zone": self.zones[event.target]}
        return {"line": self.lines[event.target - zones]}

    def document(self, event: Event) -> dict[str, Any]:
        """An event as JSON has it."""
        shown: dict[str, Any] = {
            "type": event.type,
            "track": event.track,
            "label": self.label(event),
            "frame": event.frame,
            "time_ms": _ms(self.seconds(event.time)),
            **self.place(event),
        }
        if event.direction is not None:
            shown["direction"] = event.direction
        if event.ticks is not None:
            shown["seconds"] = self.seconds(event.ticks)
        return shown


def matching(found: SceneEvents, query: EventQuery, first: int = 0) -> Iterator[tuple[int, Event]]:
    """The wanted events from a place on, each with its place. The query's names are known."""
    targets = _targets(found, query)
    classes = {found.labels.index(label) for label in query.labels}
    least = 0 if query.min_score is None else round(query.min_score * SCORE_SCALE)
    for place in range(first, len(found.events)):
        event = found.events[place]
        at = found.seconds(event.time)
        if query.stop is not None and at >= query.stop:
            return
        if (
            (query.start is None or at >= query.start)
            and (targets is None or event.target in targets)
            and (not query.types or event.type in query.types)
            and (not classes or found.class_of(event) in classes)
            and found.score_of(event) >= least
        ):
            yield place, event


def page(found: SceneEvents, query: EventQuery, first: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """At most `limit` wanted events from a place on, and the place of the next one; None at the end."""
    shown: list[dict[str, Any]] = []
    for place, event in matching(found, query, first):
        if len(shown) == limit:
            return shown, place
        shown.append(found.document(event))
    return shown, None


def event_rows(found: SceneEvents, query: EventQuery) -> Iterator[Sequence[object]]:
    """All wanted events as rows of a table, with a header."""
    yield _EVENT_COLUMNS
    for _, event in matching(found, query):
        shown = found.document(event)
        yield [shown.get(name, "") for name in _EVENT_COLUMNS]


@dataclass(frozen=True, slots=True)
class Counts:
    """Wanted events in intervals of `interval` seconds from `start` on; series: of each zone or line, label, type and
    direction that occurs, how many in each interval."""

    start: float
    stop: float
    interval: float
    series: list[tuple[dict[str, str], list[int]]]

    def document(self) -> dict[str, Any]:
        """The counts as JSON."""
        series = [{**key, "total": sum(counts), "counts": counts} for key, counts in self.series]
        return {"from_ms": _ms(self.start), "to_ms": _ms(self.stop), "interval": self.interval, "series": series}

    def rows(self) -> Iterator[Sequence[object]]:
        """The counts as rows of a table, with a header."""
        yield _COUNT_COLUMNS
        for key, counts in self.series:
            for place, count in enumerate(counts):
                at = _ms(self.start + place * self.interval)
                yield [at, *(key.get(name, "") for name in _COUNT_COLUMNS[1:-1]), count]


def count(found: SceneEvents, query: EventQuery, interval: float) -> Counts:
    """Count the wanted events. Without bounds: from the interval of the first frame to that of the last one. Raises
    InvalidInput for too many intervals, or too many of all series."""
    first, last = found.seconds(found.first_time), found.seconds(found.last_time)
    start = _nth(first, 0, interval) * interval if query.start is None else query.start
    last = last if query.stop is None else query.stop - 1e-6
    number = max(1, 1 + _nth(last, start, interval))
    if number > MOST_INTERVALS:
        raise InvalidInput(
            f"{number} intervals of {interval:g} s are too many, at most {MOST_INTERVALS} are counted: choose a longer "
            "interval, or give from_ms and to_ms"
        )
    places: dict[tuple[int, str, str, str], tuple[dict[str, str], list[int]]] = {}
    for _, event in matching(found, query):
        label = found.label(event)
        order = (event.target, label, event.type, event.direction or "")
        if order not in places:
            if number * (len(places) + 1) > MOST_COUNTS:
                raise InvalidInput(
                    f"{number} intervals of each zone, line, label and type are more than {MOST_COUNTS} counts: choose "
                    "a longer interval, or give from_ms and to_ms, or zone, line, label or type"
                )
            key = {**found.place(event), "label": label, "type": str(event.type)}
            if event.direction is not None:
                key["direction"] = str(event.direction)
            places[order] = key, [0] * number
        places[order][1][min(max(_nth(found.seconds(event.time), start, interval), 0), number - 1)] += 1
    series = [places[order] for order in sorted(places)]
    return Counts(round(start, 6), round(start + number * interval, 6), interval, series)


def _ms(seconds: float) -> float:
    """Milliseconds, to the microsecond."""
    return round(seconds * 1000, 3)


def _nth(seconds: float, start: float, interval: float) -> int:
    """In which interval a time is. Whole microseconds, so that the start of an interval is in it."""
    return round((seconds - start) * 1_000_000) // round(interval * 1_000_000)


def _targets(found: SceneEvents, query: EventQuery) -> set[int] | None:
    """The wanted zones and lines, by index; None for all."""
    if not query.zones and not query.lines:
        return None
    lines = {len(found.zones) + found.lines.index(name) for name in query.lines}
    return {found.zones.index(name) for name in query.zones} | lines


def query_of(parameters: QueryParams, basis: str) -> EventQuery:
    """Which events a request wants. basis: of its cursors. Raises InvalidInput."""
    from_ms, to_ms = time_range(parameters)
    return EventQuery(
        zones=_names(parameters, "zone"),
        lines=_names(parameters, "line"),
        types=_names(parameters, "type"),
        labels=labels(parameters),
        start=None if from_ms is None else from_ms / 1000,
        stop=None if to_ms is None else to_ms / 1000,
        min_score=number(parameters, "min_score"),
        basis=basis,
    )


def _names(parameters: QueryParams, name: str) -> tuple[str, ...]:
    """The values of a parameter that may be repeated, so that their order does not matter."""
    return tuple(sorted(set(parameters.getlist(name))))


def require_known(found: SceneEvents, query: EventQuery) -> None:
    """Raises InvalidInput for names of zones, lines and labels that there are not."""
    for there, asked, missing in (
        (found.zones, query.zones, "the scene has no zone"),
        (found.lines, query.lines, "the scene has no line"),
        (found.labels, query.labels, "the model has no label"),
    ):
        for name in asked:
            if name not in there:
                raise InvalidInput(f"{missing} {name!r}; it has: {', '.join(filter(None, there)) or 'none'}")
