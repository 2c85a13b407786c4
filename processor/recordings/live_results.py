"""Reads a recording's results from Redis, while they are still there."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import redis

from contracts.errors import UnsupportedSchema
from contracts.live import keys
from contracts.live.plans import LivePlan
from contracts.live.results import LiveFrame, read, tracks
from contracts.live.streams import TICKS_PER_SECOND
from contracts.wire.messages import decode as decode_message

_PAGE = 1000
# As far as a source's clock may be from that of the arrivals: see ingest.packaging.clock.
_SAME_RUN_SECONDS = 12


@dataclass(frozen=True, slots=True)
class LiveResults:
    """frames: results whose pts are in the recording. before, after: the last one before it and the first behind
    it, None when there is none (yet). plans: by number. seen: in how many results, also around the recording, each
    track was found."""

    frames: tuple[LiveFrame, ...]
    before: LiveFrame | None
    after: LiveFrame | None
    plans: dict[int, LivePlan]
    seen: Mapping[int, int]


def read_results(client: "redis.Redis", stream_id: str, start: int, end: int, tick_0: float) -> LiveResults:
    """The results of a stream from start to end (excluded), in ticks of its clock. Raises RedisError.

    tick_0: Unix seconds of tick 0 in this run of the stream: its clock begins anew with each start.
    """
    frames: list[LiveFrame] = []
    before: LiveFrame | None = None
    after: LiveFrame | None = None
    seen = Counter[int]()
    for frame in _all(client, stream_id):
        if abs(frame.arrival - frame.pts / TICKS_PER_SECOND - tick_0) > _SAME_RUN_SECONDS:
            continue
        seen.update(tracks(frame))
        if start <= frame.pts < end:
            frames.append(frame)
        elif frame.pts < start and (before is None or frame.pts > before.pts):
            before = frame
        elif frame.pts >= end and (after is None or frame.pts < after.pts):
            after = frame
    return LiveResults(tuple(frames), before, after, _plans(client, stream_id), seen)


def _all(client: "redis.Redis", stream_id: str) -> Iterator[LiveFrame]:
    """Results of a later release that cannot be read are left out."""
    least = "-"
    while True:
        entries: Any = client.xrange(keys.results(stream_id), least, "+", _PAGE)
        for _, fields in entries:
            if (frame := read(fields)) is not None:
                yield frame
        if len(entries) < _PAGE:
            return
        least = f"({entries[-1][0].decode()}"


def _plans(client: "redis.Redis", stream_id: str) -> dict[int, LivePlan]:
    found: Any = client.hgetall(keys.plans(stream_id))
    plans = {}
    for number, data in found.items():
        try:
            plans[int(number)] = decode_message(data, LivePlan)
        except (msgspec.DecodeError, UnsupportedSchema, ValueError):
            continue
    return plans
