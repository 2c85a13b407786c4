"""Statements that read the table of tracks along its indexes.

A lane is a part of an index that is in the order of the hits: the tracks of a label, or of a label and a source, within
a span of time. A statement merges lanes and stops where it has enough, so that it reads little more than it returns.

Statements are text, with plain numbers in them: to build those of a hundred lanes by SQLAlchemy takes longer than to
run them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analytics.search.hours import Span
from api.search.question import Question
from contracts.database.tables import IndexedTrack

# A row in the order of hits: (score,) at, indexed_job_id, number.
Key = tuple[int, ...]
# A part of a statement that is true or false for a row.
Condition = str

ANY_SOURCE = -1
_NEWEST = ("at", "indexed_job_id", "number")
_BEST = ("score", *_NEWEST)
_FOUND = (*_BEST, "label", "start", "length", "best_frame", "best_ms")
_BOX = ("box_left", "box_top", "box_right", "box_bottom")
_TABLE = IndexedTrack.__tablename__


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
    def columns(self) -> Sequence[str]:
        return _BEST if self.by_score else _NEWEST

    def key_of(self, row: Any) -> Key:
        """The place of a row in the order of hits."""
        return tuple(getattr(row, column) for column in self.columns)


def count_limited(part: Part, most: int) -> str:
    """Returns a row where there are more than so many rows in a part."""
    selects = [_select(("number",), conditions) for conditions in _lanes(part)]
    return f"{' UNION ALL '.join(selects)} LIMIT 1 OFFSET {most:d}"


def among_best(part: Part, number: int) -> str:
    """How many of the best rows of each lane, `number` in all lanes, are in the spans of a part."""
    order = ", ".join(f"{column} DESC" for column in _BEST)
    within = _any(f"at >= {low:d} AND at < {high:d}" for low, high in part.spans)
    lanes = []
    for place, lane in enumerate(part.lanes):
        best = _select(("at", "source"), [f"label = {lane.label:d}"])
        best = f"{best} ORDER BY {order} LIMIT {max(1, number // len(part.lanes)):d}"
        wanted = " AND ".join([within, *_of_source(lane)])
        lanes.append(f"SELECT at FROM ({best}) AS lane_{place} WHERE {wanted}")  # noqa: S608
    return f"SELECT count(*) FROM ({' UNION ALL '.join(lanes)}) AS wanted"  # noqa: S608


def nth(part: Part, number: int) -> str:
    """The key of the row with a number in a part, from 0 on."""
    return _ordered(part, [_select(part.columns, conditions) for conditions in _lanes(part)], 1, number)


def rows(part: Part, wanted: Sequence[Condition], limit: int, with_path: bool) -> str:
    """The first rows of a part that are as wanted."""
    columns = (*_FOUND, *_BOX, *(("path",) if with_path else ()))
    return _ordered(part, [_select(columns, [*conditions, *wanted]) for conditions in _lanes(part)], limit)


def wanted_by(question: Question, jobs: Sequence[int] | None) -> list[Condition]:
    """What the rows of a question are, besides label, source, and time. jobs: their indexed jobs, None for any."""
    found = []
    if question.min_score:
        found.append(f"score >= {question.min_score:d}")
    if question.min_ms:
        found.append(f"length >= {question.min_ms:d}")
    if question.headings:
        found.append(_any(f"heading BETWEEN {low:d} AND {high:d}" for low, high in question.headings))
    if question.polygons:
        found.append(_any(_meets(polygon) for polygon in question.polygons))
    if jobs is not None:
        found.append(f"indexed_job_id IN {_numbers(jobs)}" if jobs else "1 = 0")
    return found


def _meets(polygon: Sequence[tuple[int, int]]) -> Condition:
    """Whether the hull of a track meets that of a polygon."""
    across, down = zip(*polygon, strict=True)
    beside = f'"right" >= {min(across):d} AND "left" <= {max(across):d}'
    return f'({beside} AND "bottom" >= {min(down):d} AND "top" <= {max(down):d})'


def _lanes(part: Part) -> list[list[Condition]]:
    """The conditions of each lane in each span."""
    # The sum keeps a database from reading along the index of times.
    at = "at + 0" if part.by_score and part.along_index else "at"
    between = _between(part)
    found = []
    for lane in part.lanes:
        own = [f"label = {lane.label:d}", *_of_source(lane)]
        found += [[*own, f"{at} >= {low:d}", f"{at} < {high:d}", *between] for low, high in _spans(part)]
    return found


def _of_source(lane: Lane) -> list[Condition]:
    if lane.source is None:
        return ["source IS NULL"]
    return [] if lane.source == ANY_SOURCE else [f"source = {lane.source:d}"]


def _spans(part: Part) -> list[Span]:
    """The spans that are between the ends of a part, or their parts that are."""
    if part.by_score:
        return list(part.spans)
    # Since SQLite seeks by plain numbers alone.
    lowest, highest = part.until[0] if part.until else part.spans[-1][0], part.after[0] + 1 if part.after else None
    found = [(max(low, lowest), high if highest is None else min(high, highest)) for low, high in part.spans]
    return [(low, high) for low, high in found if low < high] or found[:1]


def _between(part: Part) -> list[Condition]:
    found = []
    columns = ", ".join(part.columns)
    if part.after:
        found.append(f"({columns}) < {_numbers(part.after)}")
        found += [f"score <= {part.after[0]:d}"] if part.by_score else []
    if part.until:
        found.append(f"({columns}) >= {_numbers(part.until)}")
        found += [f"score >= {part.until[0]:d}"] if part.by_score else []
    return found


def _ordered(part: Part, selects: Sequence[str], limit: int, offset: int = 0) -> str:
    """The rows of all lanes in the order of hits, from one on."""
    order = ", ".join(f"{column} DESC" for column in part.columns)
    end = f"LIMIT {limit:d} OFFSET {offset:d}"
    if part.along_index:
        if len(selects) == 1:
            return f"{selects[0]} ORDER BY {order} {end}"
        # Each lane by itself, since PostgreSQL would sort all of them.
        first = f"ORDER BY {order} LIMIT {limit + offset:d}"
        lanes = [f"SELECT * FROM ({one} {first}) AS lane_{number}" for number, one in enumerate(selects)]  # noqa: S608
        return f"{' UNION ALL '.join(lanes)} ORDER BY {order} {end}"
    # The sum keeps a database from reading along the index of scores.
    order = order.replace(part.columns[0], f"{part.columns[0]} + 0", 1)
    return f"SELECT * FROM ({' UNION ALL '.join(selects)}) AS found ORDER BY {order} {end}"  # noqa: S608


def _select(columns: Sequence[str], conditions: Sequence[Condition]) -> str:
    return f"SELECT {', '.join(columns)} FROM {_TABLE} WHERE {' AND '.join(conditions)}"  # noqa: S608


def _numbers(values: Sequence[int]) -> str:
    return f"({', '.join(f'{value:d}' for value in values)})"


def _any(conditions: Any) -> Condition:
    return f"({' OR '.join(conditions)})"
