"""The results of a stream that are still in Redis: from a time on, and as pages like those of jobs."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec
import redis

from api.live import result_lines
from api.results.selection import Query, Selection
from contracts.live import keys, results
from contracts.live.packet_reader import split_id
from contracts.live.results import LiveFrame
from contracts.live.streams import TICKS_PER_SECOND
from contracts.results.codec import Block
from contracts.wire.messages import ResultHeader

_BATCH = 500

# The labels by class number of the plan with a number; () where that is not known.
LabelsOf = Callable[[int], tuple[str, ...]]


class LiveQuery(Query, frozen=True, kw_only=True):
    """A filter of the results since the stream was started; started_ms: when that was, in ms since 1970."""

    started_ms: int

    @property
    def first(self) -> int:
        """The first time that is asked for, in ticks."""
        return max(0, int((self.from_ms or 0) * TICKS_PER_SECOND / 1000))


class StoredResults:
    """The results of one stream, since it was started, in the order of their times. Raises RedisError."""

    def __init__(self, client: "redis.Redis", stream_id: str, started: float) -> None:
        """started: Unix seconds of tick 0. What came before has a clock of its own, and is left out."""
        self._redis = client
        self._key = keys.results(stream_id)
        self._started = started

    def since(self, first: int) -> Iterator[list[LiveFrame]]:
        """The results from a time in ticks on, in batches."""
        last = self._position(first)
        while entries := self._read(last, _BATCH):
            last = b"(" + entries[-1][0]
            yield [frame for _, frame in entries if frame is not None and not self._is_before(frame, first)]

    def _is_before(self, frame: LiveFrame, first: int) -> bool:
        return frame.arrival < self._started or frame.pts < first

    def _position(self, first: int) -> bytes:
        """The id from which on to read. Searches among the ids, which are times of Redis' clock: results are there for
        minutes, and are asked for each second."""
        ends: Any = self._redis.xrange(self._key, count=1), self._redis.xrevrange(self._key, count=1)
        if not ends[0] or not ends[1]:
            return b"-"
        low, high = split_id(ends[0][0][0])[0], split_id(ends[1][0][0])[0]
        while low < high:
            middle = (low + high) // 2
            found = self._read(b"%d" % (middle + 1), 1)
            if found and found[0][1] is not None and self._is_before(found[0][1], first):
                low = middle + 1
            else:
                high = middle
        return b"%d" % low

    def _read(self, since: bytes, count: int) -> list[tuple[bytes, LiveFrame | None]]:
        found: Any = self._redis.xrange(self._key, since, "+", count)
        return [(entry, results.read(fields)) for entry, fields in found]


class PageReader:
    """Reads pages of one filter. The position of a frame in them is its time, which is unique and rises; its number is
    that of a packet, which does not rise where frames are shown in another order than they are decoded in."""

    def __init__(self, stored: StoredResults, query: LiveQuery, labels_of: LabelsOf, labels: Sequence[str]) -> None:
        """labels: of the stream's model now. Raises InvalidInput for one that it does not have."""
        Selection(query, result_lines.header(labels))
        self._stored, self._query, self._labels_of = stored, query, labels_of

    def read(self, first: int, limit: int) -> tuple[list[bytes], int | None]:
        """At most `limit` selected frames from a time in ticks on, each as JSON, and where the next page begins; None
        after to_ms."""
        lines: list[bytes] = []
        first = max(first, self._query.first)
        for frames in self._stored.since(first):
            for plan, some in groupby(frames, key=lambda frame: frame.plan):
                same = list(some)
                described = result_lines.header(self._labels_of(plan), same)
                found, past = self._selected(same, described)
                room = limit - len(lines)
                lines += result_lines.lines(found.slice(0, min(room, len(found))), same, described)
                if len(found) > room:
                    return lines, int(found.frame[room])
                if past:
                    return lines, None
                first = same[-1].pts + 1
        return lines, first

    def _selected(self, frames: Sequence[LiveFrame], described: ResultHeader) -> tuple[Block, bool]:
        """The selected frames among those of one plan, and whether the selection ends there."""
        times = [frame.pts for frame in frames]
        block = results.block(frames, times, times)
        known = tuple(label for label in self._query.labels if label in described.labels)
        selection = Selection(msgspec.structs.replace(self._query, labels=known), described)
        past = selection.is_past(block.slice(len(block) - 1, len(block)))
        if self._query.labels and not known:  # of an earlier model
            return block.slice(0, 0), past
        return selection.apply(block), past
