"""Which of the jobs that wait may have to be looked at, of very many."""

from datetime import UTC, datetime

from sqlalchemy import CTE, Select, and_, case, false, literal, or_, select, tuple_
from sqlalchemy.orm import aliased

from contracts.database.tables import Job, waits

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # later than any


def oldest_waiting(per_user: int, overdue: datetime | None, most_overdue: int) -> Select[Job]:
    """The oldest jobs of each user that wait, and more of those made before a time, if one is given, up to so many of
    a user."""
    waiting = _walk(per_user, overdue, most_overdue)
    late = false() if overdue is None else waiting.c.created_at < overdue
    return select(Job).join(waiting, waiting.c.id == Job.id).where(or_(waiting.c.place <= per_user, late))


def _walk(per_user: int, overdue: datetime | None, most_overdue: int) -> CTE:
    """From one job to the next along an index, which reads no other: to rank all that wait takes a second for a
    million. place: among those of its user, from 1."""
    one, following = aliased(Job), aliased(Job)
    order = (one.user_id, one.created_at, one.id)
    next_id = select(one.id).where(waits(one)).order_by(*order).limit(1)
    columns = (following.id, following.user_id, following.created_at)
    first = select(*columns, literal(1).label("place")).where(following.id == next_id.scalar_subquery())
    walk = first.cte("waiting", recursive=True)
    stays = walk.c.place < per_user
    if overdue is not None:
        stays = or_(stays, and_(walk.c.place < most_overdue, walk.c.created_at < overdue))
    # After all of a user comes the first one of the next user.
    here = tuple_(walk.c.user_id, case((stays, walk.c.created_at), else_=_NEVER), walk.c.id)
    next_id = next_id.where(tuple_(*order) > here)
    place = case((following.user_id == walk.c.user_id, walk.c.place + 1), else_=1)
    steps = select(*columns, place).join_from(walk, following, following.id == next_id.scalar_subquery())
    return walk.union_all(steps)
