"""The rows of alert rules and alerts."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Engine, delete, exists, func, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from analytics.alerts.rate import limited
from analytics.alerts.rule import Rule, Search, Sighting
from analytics.alerts.schedule import Schedule
from analytics.scenes.events import EventType
from analytics.search.hours import from_ms, to_ms
from contracts.database.engine import Database
from contracts.database.tables import (
    PICTURED,
    Alert,
    AlertedJob,
    AlertRule,
    Delivery,
    Job,
    Recording,
    Scene,
    User,
    Webhook,
    new_id,
    utcnow,
)
from contracts.results.tracks import TracksStep
from contracts.wire.messages import from_json
from contracts.wire.webhooks import ALERT_RAISED, DeliveryState

# Alerts of a rule that arise within an hour, whatever their own times are.
MOST_IN_AN_HOUR = 100
_HOUR = timedelta(hours=1)
# How far apart the times of an event may be, as it was seen live and in the recording.
_LIVE_AND_RECORDED_MS = 10_000

_LOOKED_AT = 1000
# When a job ended, and its id.
Place = tuple[datetime, str]
# A sighting that fits a rule, and when it raises an alert, in ms since 1970.
Fitting = tuple[int, Sighting]


class AlertRows:
    """Each method runs in its own short transaction."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def rules(self, user_id: str) -> list[Rule]:
        """The rules of a user that are enabled, without those of a later release."""
        return [rule for row in self._rows(user_id) if (rule := rule_of(row)) is not None]

    def rules_for_job(self, job: Job) -> tuple[list[Rule], bool]:
        """The enabled rules that a job is to be seen by: none where they have seen it, and none that were made or
        changed after it had ended, so that a job of before raises nothing when its tracks are made. And whether these
        are all: those of a later release are left to a processor of it."""
        with self._database.read() as session:
            if session.get(AlertedJob, job.id) is not None:
                return [], True
        rows = self._rows(job.user_id)
        found = [rule_of(row) for row in rows if job.finished_at is None or row.since <= job.finished_at]
        known = [rule for rule in found if rule is not None]
        return known, len(known) == len(found)

    def stream_of(self, video_id: str) -> str | None:
        """The stream whose recording a video is, None for others, and after the stream was deleted."""
        with self._database.read() as session:
            return session.scalar(select(Recording.stream_id).where(Recording.video_id == video_id))

    def has_unlinked(self, stream_id: str) -> bool:
        """Whether alerts of a stream lead to no video yet."""
        wanted = select(Alert.id).where(Alert.stream_id == stream_id, Alert.video_id.is_(None)).limit(1)
        with self._database.read() as session:
            return session.scalar(wanted) is not None

    def link(self, stream_id: str, job: Job, begin: int, end: int) -> None:
        """Let the alerts of a stream between two times, in ms since 1970, lead to the video that was recorded then,
        which begins at the first one."""
        span = (Alert.at >= from_ms(begin), Alert.at <= from_ms(end))
        live = select(Alert).where(Alert.stream_id == stream_id, Alert.video_id.is_(None), *span)
        with self._database.write() as session:
            for alert in session.scalars(live):
                alert.video_id, alert.job_id, alert.start = job.video_id, job.id, to_ms(alert.at) - begin

    def unasked(self, after: Place, end: Place | None = None) -> tuple[list[Job], Place | None]:
        """Of some jobs after a place, in the order in which they ended: those with tracks that no rule has seen, though
        there are rules for them, and those of recordings in whose time there are alerts of the stream that lead to no
        video. And the place of the last of these jobs, None at the end. end: only those that are not after it."""
        place = tuple_(Job.finished_at, Job.id)
        # The first condition follows from the second one, and is what an index is used for.
        ended = [Job.finished_at >= after[0], place > after, *([place <= end] if end else [])]
        tracked = (Job.tracks["state"].as_string() == str(TracksStep.READY)).label("tracked")
        some = select(Job.finished_at, Job.id, Job.user_id, tracked).where(*ended).order_by(Job.finished_at, Job.id)
        with self._database.read() as session:
            rows = session.execute(some.limit(_LOOKED_AT)).all()
            ids = _unasked(session, [row for row in rows if row.tracked])
            jobs = session.scalars(select(Job).where(Job.id.in_(ids)).order_by(Job.finished_at, Job.id)).all()
        return list(jobs), (rows[-1].finished_at, rows[-1].id) if len(rows) == _LOOKED_AT else None

    def expired(self, before: datetime | None, most: int, limit: int) -> list[str]:
        """Alerts from before a time, and those of each user beyond so many newer ones."""
        found = self._beyond(most, limit)
        if before is not None and len(found) < limit:
            found += self._beyond(0, limit, Alert.at < before)
        return list(dict.fromkeys(found))[:limit]

    def note_picture(self, alert_id: str, *, stored: bool) -> bool:
        """Note whether an alert has a picture of its own; False when it was deleted."""
        with self._database.write() as session:
            found = session.execute(update(Alert).where(Alert.id == alert_id).values(picture=stored))
            return found.rowcount == 1  # type: ignore[attr-defined,no-any-return]

    def pictured(self, most: int, limit: int) -> list[str]:
        """Alerts with a picture of their own, of each user those beyond so many newer ones."""
        return self._beyond(most, limit, PICTURED)

    def delete(self, alert_ids: Sequence[str]) -> None:
        """Delete alerts."""
        with self._database.write() as session:
            session.execute(delete(Alert).where(Alert.id.in_(alert_ids)))

    def scene(self, scene_id: str) -> Scene | None:
        """A scene, None where it was deleted with the last rule that named it."""
        with self._database.read() as session:
            return session.get(Scene, scene_id)

    def note_job(self, job_id: str) -> bool:
        """Record that the rules have seen a job; False when it was deleted."""
        try:
            with self._database.write() as session:
                if session.get(AlertedJob, job_id) is None:
                    session.add(AlertedJob(job_id=job_id))
        except IntegrityError:
            return False
        return True

    def add(self, rule: Rule, fitting: Sequence[Fitting]) -> list[Alert]:
        """Add the alerts that a rule raises, with their webhook deliveries, in one transaction: at most one in so much
        time, MOST_IN_AN_HOUR, and none twice. fitting: one at least. Returns those that are new. Raises IntegrityError
        when what a sighting is of was deleted."""
        with self._database.write() as session:
            # One process at a time counts the alerts of a rule.
            row = session.get(AlertRule, rule.id, with_for_update=True)
            if row is None or not row.enabled:
                return []
            room = MOST_IN_AN_HOUR - _made_lately(session, rule.id)
            chosen = _chosen(session, rule, fitting, room + 1)
            if len(chosen) > room:
                row.limited_at = utcnow()
            alerts = [_alert(row, at, sighting) for at, sighting in chosen[: max(0, room)]]
            session.add_all(alerts)
            session.flush()
            _note_deliveries(session, row, alerts)
            return alerts

    def _beyond(self, most: int, limit: int, *which: ColumnElement[bool]) -> list[str]:
        """The ids of alerts of each user, the newest but so many. By user, along an index: to rank all takes longer."""
        newest = (Alert.at.desc(), Alert.id.desc())
        found: list[str] = []
        with self._database.read() as session:
            for user_id in session.scalars(select(User.id).where(exists().where(Alert.user_id == User.id))).all():
                mine = select(Alert.id).where(Alert.user_id == user_id, *which)
                found += session.scalars(mine.order_by(*newest).offset(most).limit(limit))
                if len(found) >= limit:
                    break
        return found[:limit]

    def _rows(self, user_id: str) -> list[AlertRule]:
        statement = select(AlertRule).where(AlertRule.user_id == user_id, AlertRule.enabled)
        with self._database.read() as session:
            return list(session.scalars(statement.order_by(AlertRule.created_at, AlertRule.id)))


def rule_of(row: AlertRule) -> Rule | None:
    """The rule of a row; None for one of a later release that this one cannot ask. What it would leave out of a search
    makes the rule another one, which finds too much."""
    if not (_knows(Search, row.search) and _knows(Schedule, row.schedule or {})):
        return None
    try:
        schedule = from_json(row.schedule, Schedule) if row.schedule else None
        return Rule(row.id, from_json(row.search, Search), schedule, 1000 * row.at_most_one_in_s)
    except msgspec.ValidationError:  # such as a type of event
        return None


def _unasked(session: Session, jobs: Sequence[Any]) -> list[str]:
    """The ids of those jobs that rules are to be asked about. By the ids of all: joined with jobs, all that any rule
    has seen may be read."""
    ids = [job.id for job in jobs]
    seen = set(session.scalars(select(AlertedJob.job_id).where(AlertedJob.job_id.in_(ids))))
    theirs = (AlertRule.user_id.in_({job.user_id for job in jobs}), AlertRule.enabled)
    oldest = select(AlertRule.user_id, func.min(AlertRule.since).label("since")).where(*theirs)
    since = {row.user_id: row.since for row in session.execute(oldest.group_by(AlertRule.user_id))}
    unlinked = set(session.scalars(select(Recording.job_id).where(Recording.job_id.in_(ids), _has_unlinked())))

    def is_new(job: Any) -> bool:
        return job.id not in seen and job.user_id in since and since[job.user_id] <= job.finished_at

    return [job.id for job in jobs if job.id in unlinked or is_new(job)]


def _has_unlinked() -> ColumnElement[bool]:
    """Whether there are alerts of the stream of a recording, in its time, that lead to no video."""
    # By the user and the time, for which there is an index: a stream may have many alerts.
    of_time = (Alert.user_id == Recording.user_id, Alert.at.between(Recording.started_at, Recording.ended_at))
    return exists().where(Alert.stream_id == Recording.stream_id, Alert.video_id.is_(None), *of_time)


def _knows(kind: type[msgspec.Struct], document: Mapping[str, object]) -> bool:
    return document.keys() <= set(kind.__struct_encode_fields__)


def _chosen(session: Session, rule: Rule, fitting: Sequence[Fitting], most: int) -> list[Fitting]:
    """At most so many of the fitting ones that have no alert, apart from each other and from alerts that are there."""
    left = _untold(session, rule, list({sighting.key: (at, sighting) for at, sighting in fitting}.values()))
    earlier = _times_near(session, rule, left) if left else []
    while True:
        chosen = [left[place] for place in limited([at for at, _ in left], earlier, rule.at_most_one_in_ms, most)]
        keys = [sighting.key for _, sighting in chosen]
        known = set(session.scalars(select(Alert.key).where(Alert.rule_id == rule.id, Alert.key.in_(keys))))
        if not known:
            return chosen
        left = [(at, sighting) for at, sighting in left if sighting.key not in known]


def _untold(session: Session, rule: Rule, fitting: list[Fitting]) -> list[Fitting]:
    """Without what raised an alert before, at another time: the events of a recording when they were live, whose times
    differ a little, and stays in zones of which it is not known when they began."""
    fitting = _begun(session, rule, fitting)
    recorded = [at for at, sighting in fitting if _is_recorded_event(sighting)]
    if not recorded:
        return fitting
    low, high = from_ms(min(recorded) - _LIVE_AND_RECORDED_MS), from_ms(max(recorded) + _LIVE_AND_RECORDED_MS)
    columns = (Alert.at, Alert.stream_id, Alert.track, Alert.event, Alert.zone, Alert.line, Alert.direction)
    told: dict[tuple[object, ...], list[int]] = {}
    for at, *what in session.execute(select(*columns).where(Alert.rule_id == rule.id, Alert.at.between(low, high))):
        told.setdefault(tuple(what), []).append(to_ms(at))

    def is_told(at: int, one: Sighting) -> bool:
        what = (one.stream_id, one.track, one.event, one.zone, one.line, one.direction)
        return _is_recorded_event(one) and any(abs(at - other) < _LIVE_AND_RECORDED_MS for other in told.get(what, ()))

    return [(at, one) for at, one in fitting if not is_told(at, one)]


def _begun(session: Session, rule: Rule, fitting: list[Fitting]) -> list[Fitting]:
    """Without stays that had begun before what is known of a stream, and raised an alert then."""
    if not any(one.ongoing for _, one in fitting):
        return fitting
    columns = (Alert.stream_id, Alert.track, Alert.zone)
    dwelt = select(*columns).where(Alert.rule_id == rule.id, Alert.event == str(EventType.DWELLS))
    told = {tuple(row) for row in session.execute(dwelt)}
    return [(at, one) for at, one in fitting if not (one.ongoing and _stay(one) in told)]


def _stay(sighting: Sighting) -> tuple[object, ...]:
    return sighting.stream_id, sighting.track, sighting.zone


def _is_recorded_event(sighting: Sighting) -> bool:
    return sighting.event is not None and sighting.stream_id is not None and sighting.video_id is not None


def _made_lately(session: Session, rule_id: str) -> int:
    made = select(func.count()).select_from(Alert)
    return session.scalars(made.where(Alert.rule_id == rule_id, Alert.created_at > utcnow() - _HOUR)).one()


def _times_near(session: Session, rule: Rule, fitting: Sequence[Fitting]) -> list[int]:
    """The times of alerts that may be too near to some of the fitting ones."""
    first, last = min(at for at, _ in fitting), max(at for at, _ in fitting)
    low, high = (from_ms(ms) for ms in (first - rule.at_most_one_in_ms, last + rule.at_most_one_in_ms))
    near = select(Alert.at).where(Alert.rule_id == rule.id, Alert.at >= low, Alert.at <= high)
    return [to_ms(at) for at in session.scalars(near)]


def _alert(rule: AlertRule, at: int, sighting: Sighting) -> Alert:
    return Alert(
        id=new_id(),
        rule_id=rule.id,
        user_id=rule.user_id,
        key=sighting.key,
        at=from_ms(at),
        dated=sighting.dated,
        label=sighting.label,
        score=sighting.score,
        event=sighting.event and str(sighting.event),
        zone=sighting.zone,
        line=sighting.line,
        direction=sighting.direction and str(sighting.direction),
        stream_id=sighting.stream_id,
        video_id=sighting.video_id,
        job_id=sighting.job_id,
        track=sighting.track,
        start=sighting.start,
        picture=False,
        seen=False,
        created_at=utcnow(),
    )


def _note_deliveries(session: Session, rule: AlertRule, alerts: Sequence[Alert]) -> None:
    """Add a delivery of each alert, in the transaction that raises it."""
    if rule.webhook_id is None:
        return
    # Locked until they are inserted: a concurrent deletion must not fail the transaction.
    webhook = session.get(Webhook, rule.webhook_id, with_for_update={"read": True, "key_share": True})
    if webhook is None:
        return
    now = utcnow()
    for alert in alerts:
        session.add(
            Delivery(
                id=new_id(),
                webhook_id=webhook.id,
                alert_id=alert.id,
                event=ALERT_RAISED,
                state=str(DeliveryState.WAITING),
                next_at=now,
                created_at=now,
            )
        )
