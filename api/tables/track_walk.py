"""Reading the tracks that a search may find, in the order of hits, with a bound for how much is looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sqlalchemy.orm import Session

from analytics.search.hours import Span
from api.search.question import Question
from api.tables.track_lanes import Key, Lane, Part, among_best, count_limited, nth, rows, wanted_by

# Lanes of a statement, and indexed jobs that one names.
_LANES = 64
# Of the first statement about several spans: to plan a lane takes longer than to read it, and a few are often enough.
_FIRST_LANES = 8
_JOBS = 300
# Rows of the parts of an index that are looked at one after the other; then a request has looked at enough.
_WINDOWS = (1000, 4000, 16_000, 64_000)
_BITE = 1000
# Nor does it read more rows, or ask more often: spans of time may be many and empty.
_ROWS = 20_000
_STATEMENTS = 60
# The most rows that are sorted by score.
_SORTED = 50_000
# Where so many of so many best ones are wanted, a page is sooner read along them than sorted.
_DENSE, _BEST = 100, 2000


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the hits of a question are. labels, sources: numbers of terms, sources None for any. spans: when they
    begin, the latest first; dated: whether these leave any time out. jobs: their indexed jobs, None for any."""

    labels: Sequence[int]
    sources: Sequence[int | None] | None
    spans: Sequence[Span]
    dated: bool
    jobs: frozenset[int] | None


class Walk:
    """The rows that a question may find on its ground, in the order of hits. It ends after so many rows or statements,
    then `stopped_after` is the key of the last row that it looked at."""

    stopped_after: Key | None = None

    def __init__(self, session: Session, question: Question, ground: Ground) -> None:
        self._session = session
        self._ground = ground
        self._by_score = question.order == "score"
        jobs = ground.jobs if ground.jobs is not None and len(ground.jobs) <= _JOBS else None
        self._wanted = wanted_by(question, None if jobs is None else sorted(jobs))
        self._with_path = bool(question.polygons)
        self._windows = list(_WINDOWS)
        self._statements, self._rows = _STATEMENTS, _ROWS

    def bites(self, after: Key | None, limit: int) -> Iterator[list[Any]]:
        """The rows after a key, so many at a time."""
        for parts in self._best() if self._by_score else self._newest(after):
            for bite, last in self._along(parts, after, limit):
                after = last
                if bite:
                    yield bite
                if not (self._windows and self._statements > 0 and self._rows > 0):
                    self.stopped_after = last
                    return

    def _newest(self, after: Key | None) -> Iterator[list[Part]]:
        groups = self._groups(self._lanes(self._ground.sources))
        spans = iter(span for span in self._ground.spans if after is None or span[0] <= after[0])
        lanes = _FIRST_LANES
        while batch := list(islice(spans, max(1, lanes // len(groups[0])))):
            yield [Part(group, batch) for group in groups]
            lanes = min(2 * lanes, _LANES)

    def _best(self) -> Iterator[list[Part]]:
        """Few are sorted; else all of the labels are read from the best one on, which is as quick where any source and
        time will do."""
        ground = self._ground
        lanes = self._lanes(ground.sources)
        picks = ground.sources is not None or ground.dated
        if picks and len(lanes) * len(ground.spans) <= _LANES and not self._dense(lanes):
            part = Part(lanes, ground.spans, by_score=True, along_index=False)
            if not self._ask(count_limited(part, _SORTED)):
                yield [part]
                return
        one = ground.sources if ground.sources and len(ground.sources) == 1 else None
        span = (ground.spans[-1][0], ground.spans[0][1])
        yield [Part(group, [span], by_score=True) for group in self._groups(self._lanes(one))]

    def _dense(self, lanes: list[Lane]) -> bool:
        """Whether many of the best ones of the labels are wanted. Not asked where rows are left out afterwards."""
        ground = self._ground
        if self._wanted or ground.jobs is not None or len(ground.spans) > 1 or len(ground.sources or (0,)) > 1:
            return False
        [(among,)] = self._ask(among_best(Part(lanes, ground.spans, by_score=True), _BEST))
        return int(among) >= _DENSE

    def _along(self, parts: list[Part], after: Key | None, limit: int) -> Iterator[tuple[list[Any], Key]]:
        """Bites of rows, each with the key of the last row that was looked at until then."""
        while True:
            until = self._window_end(parts, after)
            while bite := self._read(parts, after, until, limit):
                after = parts[0].key_of(bite[-1])
                yield bite, after
                if len(bite) < limit:
                    break
                limit = min(2 * limit, _BITE)  # it goes on, so few of them match
            if until is None:
                break
            after = until
            yield [], after
        if not self._by_score:
            yield [], (parts[0].spans[-1][0], 0, 0)

    def _window_end(self, parts: list[Part], after: Key | None) -> Key | None:
        """The last row of the next part of the index to look at, None where less than that is left, or where all that
        is read is wanted."""
        if not (self._wanted and parts[0].along_index):
            return None
        number = self._windows[0] // len(parts)
        ends = [row for part in parts for row in self._ask(nth(replace(part, after=after), number))]
        if not ends:
            return None
        self._windows.pop(0)
        return max(tuple(row) for row in ends)

    def _read(self, parts: list[Part], after: Key | None, until: Key | None, limit: int) -> list[Any]:
        found: list[Any] = []
        for part in parts:
            bounded = replace(part, after=after, until=until)
            found += self._ask(rows(bounded, self._wanted, limit, self._with_path))
        self._rows -= len(found)
        return sorted(found, key=parts[0].key_of, reverse=True)[:limit]

    def _ask(self, statement: str) -> Sequence[Any]:
        self._statements -= 1
        # As it is, since no statement comes twice: SQLAlchemy would keep each, in place of those of others.
        return self._session.connection().exec_driver_sql(statement).all()

    def _lanes(self, sources: Sequence[int | None] | None) -> list[Lane]:
        """Of each label and source; of labels alone where these would be many."""
        labels = self._ground.labels
        if sources is None or len(labels) * len(sources) > _LANES:
            return [Lane(label) for label in labels]
        return [Lane(label, source) for label in labels for source in sources]

    def _groups(self, lanes: list[Lane]) -> list[list[Lane]]:
        return [lanes[start : start + _LANES] for start in range(0, len(lanes), _LANES)]
