"""Which recordings of a stream are beyond its retention, of very many that are not."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CTE, BigInteger, cast, func, select, tuple_
from sqlalchemy.orm import Session, aliased

from contracts.database.tables import RecordedBytes, Recording
from contracts.live.recordings import RecordingState

UNFILED = [str(RecordingState.OPEN), str(RecordingState.CLOSED)]
# When a recording ended.
_SINCE = func.coalesce(Recording.ended_at, Recording.started_at)


@dataclass(frozen=True, slots=True)
class Kept:
    """An ended recording. video_id: None for one that failed. since: when it ended. started_at: when it began, by
    which they are in order."""

    started_at: datetime
    id: str
    source_id: str
    video_id: str | None
    since: datetime


def beyond(session: Session, stream_id: str, before: datetime | None, most_bytes: int | None) -> list[Kept]:
    """The ended recordings of a stream that are beyond its retention, the oldest first: those that ended before a time,
    and those whose bytes are, with those of all newer ones, more than so many. By bytes, the newest stays whatever its
    size."""
    found = select(Recording.started_at, Recording.id, Recording.source_id, Recording.video_id, _SINCE)
    ended = (Recording.stream_id == stream_id, Recording.state.not_in(UNFILED))
    rows = set[Kept]()
    if before is not None:
        # By when they began, too: of that there is an index.
        old = found.where(*ended, Recording.started_at < before, before > _SINCE)
        rows.update(Kept(*row) for row in session.execute(old))
    if most_bytes is not None:
        newest = select(Recording.id).where(*ended).order_by(Recording.started_at.desc(), Recording.id.desc()).limit(1)
        much = _walk(stream_id, most_bytes)
        large = found.join(much, much.c.id == Recording.id).where(Recording.id != newest.scalar_subquery())
        rows.update(Kept(*row) for row in session.execute(large))
    return sorted(rows, key=lambda row: (row.started_at, row.id))


def _walk(stream_id: str, most_bytes: int) -> CTE:
    """From the oldest one to the next along an index, as long as there is too much: in one statement, so that all of it
    is of the same moment. stored: the bytes of a recording and all newer ones."""
    one, following = aliased(Recording), aliased(Recording)
    order = (one.started_at, one.id)
    mine = (one.stream_id == stream_id, one.state.not_in(UNFILED))
    next_id = select(one.id).where(*mine).order_by(*order).limit(1)
    columns = (following.id, following.started_at, func.coalesce(following.size_bytes, 0).label("size"))
    notes = select(cast(func.sum(RecordedBytes.bytes), BigInteger)).where(RecordedBytes.stream_id == stream_id)
    stored = notes.scalar_subquery()
    first = select(*columns, stored.label("stored"))
    first = first.where(following.id == next_id.scalar_subquery(), stored > most_bytes)
    walk = first.cte("beyond", recursive=True)
    left = walk.c.stored - walk.c.size
    next_id = next_id.where(tuple_(*order) > tuple_(walk.c.started_at, walk.c.id))
    steps = select(*columns, left).join_from(walk, following, following.id == next_id.scalar_subquery())
    return walk.union_all(steps.where(left > most_bytes))
