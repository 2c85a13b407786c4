"""Alert rules and alerts, as the api reads and changes them. Users see only their own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, func, select, update
from sqlalchemy.orm import Session

from api.tables.queries import MOST_CHANGES, found, owned, page
from contracts.database.engine import Database
from contracts.database.tables import Alert, AlertRule, Scene, Stream, User, Webhook, utcnow
from contracts.errors import TooManyAlertRules

RULES_PER_USER = 100


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert with the name of its rule."""

    alert: Alert
    rule_name: str


@dataclass(frozen=True, slots=True)
class Named:
    """What there is of the things that a rule names. scene, webhook: None where the user has no such one. streams: ids
    of those that the user has."""

    scene: Scene | None
    webhook: Webhook | None
    streams: frozenset[str]


# Raises where a rule cannot be, given what it names.
Check = Callable[[Named], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which alerts are wanted; None means any. start, stop: when, the stop excluded."""

    rule_id: str | None = None
    start: datetime | None = None
    stop: datetime | None = None
    seen: bool | None = None


class AlertTable:
    """Each method is one short transaction and returns detached rows."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def add_rule(self, rule: AlertRule, check: Check) -> None:
        """Add a rule. Raises TooManyAlertRules, and what `check` raises."""
        count = select(func.count()).select_from(AlertRule).where(AlertRule.user_id == rule.user_id)
        with self._database.write() as session:
            session.get(
                User, rule.user_id, with_for_update=True
            )  # row lock, so that concurrent requests cannot exceed the limit
            if session.scalars(count).one() >= RULES_PER_USER:
                raise TooManyAlertRules(
                    f"you have {RULES_PER_USER} alert rules, the maximum: delete one that is not needed"
                )
            check(_named(session, rule.user_id, rule.scene_id, rule.webhook_id, rule.search))
            session.add(rule)

    def rules(self, user_id: str, limit: int, cursor: str | None) -> tuple[list[AlertRule], str | None]:
        """A page of a user's rules, newest first, and the cursor of the next page. Raises InvalidCursor."""
        statement = select(AlertRule).where(AlertRule.user_id == user_id)
        with self._database.read() as session:
            return page(session, statement, AlertRule.created_at, limit, cursor)

    def rule(self, user_id: str, rule_id: str) -> AlertRule:
        """A user's rule. Raises NotFound."""
        with self._database.read() as session:
            return owned(session, AlertRule, user_id, rule_id, "alert rule")

    def replace_rule(self, user_id: str, rule_id: str, content: dict[str, Any], check: Check) -> AlertRule:
        """Replace a user's rule; its alerts stay. Raises NotFound, and what `check` raises."""
        with self._database.write() as session:
            rule = owned(session, AlertRule, user_id, rule_id, "alert rule", lock=True)
            check(_named(session, user_id, content["scene_id"], content["webhook_id"], content["search"]))
            for name, value in content.items():
                setattr(rule, name, value)
            rule.since, rule.failed_at, rule.failure = utcnow(), None, None
            session.flush()
            return rule

    def delete_rule(self, user_id: str, rule_id: str) -> list[str]:
        """Delete a user's rule with its alerts. Returns the ids of those with a picture of their own. Raises
        NotFound."""
        pictured = select(Alert.id).where(Alert.rule_id == rule_id, Alert.picture)
        with self._database.write() as session:
            rule = owned(session, AlertRule, user_id, rule_id, "alert rule", lock=True)
            found = list(session.scalars(pictured))
            session.delete(rule)
            return found

    def alerts(self, user_id: str, wanted: Wanted, limit: int, cursor: str | None) -> tuple[list[Raised], str | None]:
        """A page of a user's alerts, newest first, and the cursor of the next page. Raises NotFound for the rule,
        InvalidCursor."""
        statement = select(Alert).where(Alert.user_id == user_id)
        if wanted.rule_id is not None:
            statement = statement.where(Alert.rule_id == wanted.rule_id)
        if wanted.start is not None:
            statement = statement.where(Alert.at >= wanted.start)
        if wanted.stop is not None:
            statement = statement.where(Alert.at < wanted.stop)
        if wanted.seen is not None:
            statement = statement.where(Alert.seen == wanted.seen)
        with self._database.read() as session:
            if wanted.rule_id is not None:
                owned(session, AlertRule, user_id, wanted.rule_id, "alert rule")
            alerts, after = page(session, statement, Alert.at, limit, cursor)
            return _with_names(session, alerts), after

    def alert(self, user_id: str, alert_id: str) -> Raised:
        """A user's alert. Raises NotFound."""
        with self._database.read() as session:
            return _one(session, owned(session, Alert, user_id, alert_id, "alert"))

    def raised(self, user_ids: Sequence[str], since: datetime) -> Sequence[Row[str, str]]:
        """Id and user of the alerts of these users that were raised since then, oldest first, at most MOST_CHANGES."""
        # `+ ""` disables the index on user_id: a user may have many alerts, but few are new.
        statement = select(Alert.id, Alert.user_id).where(Alert.created_at >= since, (Alert.user_id + "").in_(user_ids))
        with self._database.read() as session:
            return session.execute(statement.order_by(Alert.created_at, Alert.id).limit(MOST_CHANGES)).all()

    def by_ids(self, ids: Sequence[str]) -> list[Raised]:
        """The alerts of these ids, without deleted ones."""
        with self._database.read() as session:
            return _with_names(session, session.scalars(select(Alert).where(Alert.id.in_(ids))).all())

    def mark(self, user_id: str, alert_id: str, *, seen: bool) -> Raised:
        """Note whether a user has seen an alert. Raises NotFound."""
        with self._database.write() as session:
            alert = owned(session, Alert, user_id, alert_id, "alert")
            session.execute(update(Alert).where(Alert.id == alert_id).values(seen=seen))
            session.refresh(alert)
            return _one(session, alert)


def _named(
    session: Session, user_id: str, scene_id: str | None, webhook_id: str | None, search: dict[str, Any]
) -> Named:
    """What there is of the things that a rule names, locked until the rule is there."""
    streams = select(Stream.id).where(Stream.user_id == user_id, Stream.id.in_(search.get("stream_id", ())))
    held = {"read": True, "key_share": True}
    scene = session.get(Scene, scene_id, with_for_update={"read": True}) if scene_id else None
    webhook = session.get(Webhook, webhook_id, with_for_update=held) if webhook_id else None
    return Named(
        scene if scene and scene.user_id == user_id else None,
        webhook if webhook and webhook.user_id == user_id else None,
        frozenset(session.scalars(streams)),
    )


def _one(session: Session, alert: Alert) -> Raised:
    return found(next(iter(_with_names(session, [alert])), None), "alert")


def _with_names(session: Session, alerts: Sequence[Alert]) -> list[Raised]:
    """Alerts with the names of their rules, without those whose rule was deleted meanwhile."""
    names = _names(session, {alert.rule_id for alert in alerts})
    return [Raised(alert, names[alert.rule_id]) for alert in alerts if alert.rule_id in names]


def _names(session: Session, rule_ids: Iterable[str]) -> dict[str, str]:
    rows = session.execute(select(AlertRule.id, AlertRule.name).where(AlertRule.id.in_(list(rule_ids))))
    return {row.id: row.name for row in rows}
