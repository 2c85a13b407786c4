"""Statements that read the table of tracks along its indexes.

A lane is a part of an index that is in the order of the hits: the tracks of a label, or of a label and a source, within
a span of time. A statement merges lanes and stops where it has enough, so that it reads little more than it returns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, tuple_, union_all

from analytics.search.hours import Span
from api.search.question import Question
from contracts.database.tables import IndexedTrack as Row

# A row in the order of hits: (score,) at, indexed_job_id, number.
Key = tuple[int, ...]

ANY_SOURCE = -1
_NEWEST = (Row.at, Row.indexed_job_id, Row.number)
_BEST = (Row.score, *_NEWEST)
_FOUND = (*_BEST, Row.label, Row.start, Row.length, Row.best_frame, Row.best_ms)
_BOX = (Row.box_left, Row.box_top, Row.box_right, Row.box_bottom)


@dataclass(frozen=True, slots=True)
class Lane:
    """source: a SearchTerm, None for tracks without a source, or ANY_SOURCE."""

    label: int
    source: int | None = ANY_SOURCE


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of lanes in spans, between two rows in the order of hits: after one, up to another, which is included.

    along_index: whether the order is that of an index of each lane, in each span; else all rows are read and sorted.
    """

    lanes: Sequence[Lane]
    spans: Sequence[Span]
    by_score: bool = False
    along_index: bool = True
    after: Key | None = None
    until: Key | None = None

    @property
    def columns(self) -> Sequence[Any]:
        return _BEST if self.by_score else _NEWEST

    def key_of(self, row: Any) -> Key:
        """The place of a row in the order of hits."""
        return tuple(getattr(row, column.key) for column in self.columns)


def count_limited(part: Part, most: int) -> Any:
    """Returns a row where there are more than so many rows in a part."""
    selects = [select(Row.number).where(*conditions) for conditions in _lanes(part)]
    return union_all(*selects).limit(1).offset(most)


def nth(part: Part, number: int) -> Any:
    """The key of the row with a number in a part, from 0 on."""
    selects = [select(*part.columns).where(*conditions) for conditions in _lanes(part)]
    return _ordered(part, selects, 1, number)


def rows(part: Part, wanted: Sequence[ColumnElement[bool]], limit: int, with_path: bool) -> Any:
    """The first rows of a part that are as wanted."""
    columns = (*_FOUND, *_BOX, *((Row.path,) if with_path else ()))
    selects = [select(*columns).where(*conditions, *wanted) for conditions in _lanes(part)]
    return _ordered(part, selects, limit)


def wanted_by(question: Question, jobs: Sequence[int] | None) -> list[ColumnElement[bool]]:
    """What the rows of a question are, besides label, source, and time. jobs: their indexed jobs, None for any."""
    found: list[ColumnElement[bool]] = []
    if question.min_score:
        found.append(Row.score >= question.min_score)
    if question.min_ms:
        found.append(Row.length >= question.min_ms)
    if question.headings:
        found.append(or_(*(Row.heading.between(*ends) for ends in question.headings)))
    if question.polygons:
        found.append(or_(*(_meets(polygon) for polygon in question.polygons)))
    if jobs is not None:
        found.append(Row.indexed_job_id.in_(jobs))
    return found


def _meets(polygon: Sequence[tuple[int, int]]) -> ColumnElement[bool]:
    """Whether the hull of a track meets that of a polygon."""
    across, down = zip(*polygon, strict=True)
    beside = Row.right >= min(across), Row.left <= max(across)
    return and_(*beside, Row.bottom >= min(down), Row.top <= max(down))


def _lanes(part: Part) -> list[list[ColumnElement[bool]]]:
    """The conditions of each lane in each span."""
    # The sum keeps a database from reading along the index of times.
    at = Row.at + 0 if part.by_score and part.along_index else Row.at
    between = _between(part)
    found = []
    for lane in part.lanes:
        own = [Row.label == lane.label]
        if lane.source != ANY_SOURCE:
            own.append(Row.source == lane.source)
        found += [[*own, at >= low, at < high, *between] for low, high in _spans(part)]
    return found


def _spans(part: Part) -> list[Span]:
    """The spans that are between the ends of a part, or their parts that are."""
    if part.by_score:
        return list(part.spans)
    # In plain numbers, since SQLite seeks by these alone.
    lowest, highest = part.until[0] if part.until else part.spans[-1][0], part.after[0] + 1 if part.after else None
    found = [(max(low, lowest), high if highest is None else min(high, highest)) for low, high in part.spans]
    return [(low, high) for low, high in found if low < high] or found[:1]


def _between(part: Part) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if part.after:
        found.append(tuple_(*part.columns) < part.after)
        found += [Row.score <= part.after[0]] if part.by_score else []
    if part.until:
        found.append(tuple_(*part.columns) >= part.until)
        found += [Row.score >= part.until[0]] if part.by_score else []
    return found


def _ordered(part: Part, selects: Sequence[Select[Any]], limit: int, offset: int = 0) -> Any:
    """The rows of all lanes in the order of hits, from one on."""
    if part.along_index:
        if len(selects) == 1:
            return selects[0].order_by(*_order(part, selects[0].selected_columns)).limit(limit).offset(offset)
        # Each lane by itself, since PostgreSQL would sort all of them.
        lanes = [one.order_by(*_order(part, one.selected_columns)).limit(limit + offset).subquery() for one in selects]
        merged: Any = union_all(*(select(lane) for lane in lanes))
        return merged.order_by(*_order(part, merged.selected_columns)).limit(limit).offset(offset)
    found = (selects[0] if len(selects) == 1 else union_all(*selects)).subquery()
    first, *others = (found.c[column.key] for column in part.columns)
    # The sum keeps a database from reading along the index of scores.
    order = ((first + 0).desc(), *(column.desc() for column in others))
    return select(found).order_by(*order).limit(limit).offset(offset)


def _order(part: Part, columns: Any) -> list[Any]:
    return [columns[column.key].desc() for column in part.columns]
