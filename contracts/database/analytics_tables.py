"""Tables of what follows from detections. contracts.database.tables has them too, so that its readers miss none."""

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    true,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column

from contracts.database.base import Base, new_id, utcnow

# Where an IndexedTrack.at says when the video was uploaded, and not when it was recorded: that many ms less. So these
# come after all others, newest first too, and are within no time of the wall clock.
UNDATED = -(2**50)


def is_dated(at: int) -> bool:
    """Whether an IndexedTrack.at is a time of the wall clock."""
    return at > UNDATED // 2


def _digest(context: DefaultExecutionContext) -> str:
    """The SHA-256 of a term's text."""
    text = context.get_current_parameters()["text"]  # type: ignore[no-untyped-call]
    return hashlib.sha256(str(text).encode()).hexdigest()


class SearchTerm(Base):
    """A label or a source of a user as a number, by which the user's tracks are found. kind: label or source. digest:
    of the text, by which each is there once: labels may be longer than what PostgreSQL's indexes take."""

    __tablename__ = "search_terms"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(8))
    text: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64), default=_digest)

    __table_args__ = (UniqueConstraint("user_id", "kind", "digest"),)


class IndexedJob(Base):
    """A job whose tracks are in the table of tracks. tracks: how many. ready: False while they are written, and after
    they were replaced by those of a later row of the same job. source: a SearchTerm. first_at, last_at: IndexedTrack.at
    of the first and the last one, None without any. labels: the SHA-256 of all labels that the job's model knew, None
    where an earlier release indexed it."""

    __tablename__ = "indexed_jobs"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    tracks: Mapped[int]
    ready: Mapped[bool]
    source: Mapped[int | None]
    first_at: Mapped[int | None] = mapped_column(BigInteger)
    last_at: Mapped[int | None] = mapped_column(BigInteger)
    labels: Mapped[str | None] = mapped_column(String(64))


class IndexedTrack(Base):
    """A track of a job, to be searched. All is made from the job's tracks file, and can be made again.

    indexed_job_id: an IndexedJob. number: the track's id in its job; they begin in this order. label, source: a
    SearchTerm. at: when it begins, in ms since 1970, or see UNDATED. start, length: when it begins in the video, and
    how long it lasts, in ms. score: best one, in 1/10000, first at best_frame and best_ms, with its box in 1/100 px.
    left, top, right, bottom: hull of its boxes in 1/10000 of the displayed frame. heading: the way from the first to
    the last point of its path, in degrees clockwise from up, None where it hardly moved. path: see
    analytics.search.paths.
    """

    __tablename__ = "tracks"

    indexed_job_id: Mapped[int] = mapped_column(ForeignKey("indexed_jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    label: Mapped[int]
    source: Mapped[int | None]
    at: Mapped[int] = mapped_column(BigInteger)
    start: Mapped[int] = mapped_column(BigInteger)
    length: Mapped[int] = mapped_column(BigInteger)
    score: Mapped[int] = mapped_column(SmallInteger)
    best_frame: Mapped[int] = mapped_column(BigInteger)
    best_ms: Mapped[int] = mapped_column(BigInteger)
    box_left: Mapped[int]
    box_top: Mapped[int]
    box_right: Mapped[int]
    box_bottom: Mapped[int]
    left: Mapped[int] = mapped_column(SmallInteger)
    top: Mapped[int] = mapped_column(SmallInteger)
    right: Mapped[int] = mapped_column(SmallInteger)
    bottom: Mapped[int] = mapped_column(SmallInteger)
    heading: Mapped[int | None] = mapped_column(SmallInteger)
    path: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        # Of a user, since a label is. The last two make the order of each one definite, so that pages can go on in it.
        Index("ix_tracks_label_at", "label", "at", "indexed_job_id", "number"),
        Index("ix_tracks_label_source_at", "label", "source", "at", "indexed_job_id", "number"),
        Index("ix_tracks_label_score", "label", "score", "at", "indexed_job_id", "number"),
        # SQLite: rows in the order of the primary key, without a second tree.
        {"sqlite_with_rowid": False},
    )


class Scene(Base):
    """Zones and lines of a user, as the API shows them, with coordinates of 0 to 1 in steps of 1/1,000,000. revision:
    1, and one more with each change."""

    __tablename__ = "scenes"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))
    zones: Mapped[list[Any]]
    lines: Mapped[list[Any]]
    revision: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    __table_args__ = (Index("ix_scenes_user_created", "user_id", "created_at", "id"),)


class AlertRule(Base):
    """A saved search that raises alerts. search, schedule: as the API has them, analytics.alerts.rule.Search and
    Schedule. scene_id: that of the search, which cannot be deleted meanwhile. since: when it was made or last changed;
    jobs that ended before are not its concern. limited_at: when it last raised no alert because it had raised too many
    within an hour. failure: why it raises no alerts, see contracts.wire.alert_failures, and failed_at: since when; None
    where it works."""

    __tablename__ = "alert_rules"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))
    enabled: Mapped[bool]
    search: Mapped[dict[str, Any]]
    schedule: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    at_most_one_in_s: Mapped[int]
    scene_id: Mapped[str | None] = mapped_column(ForeignKey("scenes.id"), index=True)
    webhook_id: Mapped[str | None] = mapped_column(ForeignKey("webhooks.id", ondelete="SET NULL"), index=True)
    since: Mapped[datetime] = mapped_column(default=utcnow)
    limited_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    failure: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    __table_args__ = (Index("ix_alert_rules_user_created", "user_id", "created_at", "id"),)


class Alert(Base):
    """A sighting that a rule raised an alert for: see analytics.alerts.rule.Sighting. key: its own. at: when that was.
    start: in ms of the video or of the stream clock. picture: whether one is stored for it."""

    __tablename__ = "alerts"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    rule_id: Mapped[str] = mapped_column(ForeignKey("alert_rules.id", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(512))
    at: Mapped[datetime]
    dated: Mapped[bool]
    label: Mapped[str] = mapped_column(Text)
    score: Mapped[int] = mapped_column(SmallInteger)
    event: Mapped[str | None] = mapped_column(String(16))
    zone: Mapped[str | None] = mapped_column(String(64))
    line: Mapped[str | None] = mapped_column(String(64))
    direction: Mapped[str | None] = mapped_column(String(16))
    stream_id: Mapped[str | None] = mapped_column(ForeignKey("streams.id", ondelete="SET NULL"), index=True)
    video_id: Mapped[str | None] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    track: Mapped[int]
    start: Mapped[int] = mapped_column(BigInteger)
    picture: Mapped[bool] = mapped_column(default=False)
    seen: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)

    __table_args__ = (
        UniqueConstraint("rule_id", "key"),
        Index("ix_alerts_user_at", "user_id", "at", "id"),
        Index("ix_alerts_rule_at", "rule_id", "at", "id"),
        Index("ix_alerts_rule_created", "rule_id", "created_at"),
    )


# An alert with a picture of its own.
PICTURED = Alert.picture == true()
Index(
    "ix_alerts_user_picture",
    Alert.user_id,
    Alert.picture,
    Alert.at,
    Alert.id,
    sqlite_where=PICTURED,
    postgresql_where=PICTURED,
)


class AlertedJob(Base):
    """A job whose tracks the rules have seen: tracks that are made anew raise no further alerts."""

    __tablename__ = "alerted_jobs"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utcnow)
