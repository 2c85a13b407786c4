"""Which streams rules look at."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine, or_, select

from analytics.alerts.rule import Rule, stream_source
from analytics.search.hours import to_ms
from contracts.database.engine import Database
from contracts.database.tables import AlertRule, Scene, Stream, utcnow
from processor.alerts.rows import rule_of

# In which the last results of a stream that was stopped are looked at, also by a process that begins meanwhile.
_LAST_RESULTS = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LiveStream:
    """A stream and the rules that look at it, each with the time in ms since 1970 from which on it does."""

    id: str
    user_id: str
    rules: tuple[tuple[Rule, int], ...]


class LiveRows:
    """Each method runs in its own short transaction."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def streams(self) -> list[LiveStream]:
        """The streams that enabled rules of their users look at: those that run, and those that were just stopped,
        whose last results may still come."""
        of_users: dict[str, list[tuple[Rule, int]]] = {}
        with self._database.read() as session:
            for row in session.scalars(select(AlertRule).where(AlertRule.enabled).order_by(AlertRule.id)):
                if (rule := rule_of(row)) is not None:
                    of_users.setdefault(row.user_id, []).append((rule, to_ms(row.since)))
            active = or_(Stream.wanted == "running", Stream.stopped_at > utcnow() - _LAST_RESULTS)
            asked = select(Stream.id, Stream.user_id).where(active, Stream.user_id.in_(of_users))
            streams = session.execute(asked).all() if of_users else []
        made = [LiveStream(*stream, _looking(stream[0], of_users[stream[1]])) for stream in streams]
        return [one for one in made if one.rules]

    def scenes(self, scene_ids: set[str]) -> dict[str, Scene]:
        """The scenes with some ids that are there, by id."""
        with self._database.read() as session:
            return {row.id: row for row in session.scalars(select(Scene).where(Scene.id.in_(scene_ids)))}


def _looking(stream_id: str, rules: list[tuple[Rule, int]]) -> tuple[tuple[Rule, int], ...]:
    """Those that look at a stream. It has no tags."""
    source = stream_source(stream_id)
    return tuple(one for one in rules if not one[0].search.tag and (not one[0].sources or source in one[0].sources))
