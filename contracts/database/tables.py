"""The tables. migrations/ creates exactly these."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    and_,
    literal_column,
    not_,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column

# Whoever knows some of the tables knows all, so that `Base.metadata` is whole.
from contracts.database.account_tables import WAITING as WAITING
from contracts.database.account_tables import ApiToken as ApiToken
from contracts.database.account_tables import AuditEvent as AuditEvent
from contracts.database.account_tables import Delivery as Delivery
from contracts.database.account_tables import IdempotencyKey as IdempotencyKey
from contracts.database.account_tables import Session as Session
from contracts.database.account_tables import User as User
from contracts.database.account_tables import Webhook as Webhook
from contracts.database.analytics_tables import PICTURED as PICTURED
from contracts.database.analytics_tables import UNDATED as UNDATED
from contracts.database.analytics_tables import Alert as Alert
from contracts.database.analytics_tables import AlertedJob as AlertedJob
from contracts.database.analytics_tables import AlertRule as AlertRule
from contracts.database.analytics_tables import IndexedJob as IndexedJob
from contracts.database.analytics_tables import IndexedTrack as IndexedTrack
from contracts.database.analytics_tables import Scene as Scene
from contracts.database.analytics_tables import SearchTerm as SearchTerm
from contracts.database.analytics_tables import is_dated as is_dated
from contracts.database.base import Base as Base
from contracts.database.base import StateOf, changed_column
from contracts.database.base import new_id as new_id
from contracts.database.base import utcnow as utcnow
from contracts.database.counted import StoredBytes as StoredBytes
from contracts.database.ledgers import RecordedBytes as RecordedBytes
from contracts.database.ledgers import UnindexedJob as UnindexedJob

# Newest of migrations/versions, to check whether the tables are up to date.
REVISION = "0021"


class Video(Base):
    """An uploaded video. media: metadata, None until the probe is done. refused: why it cannot be processed. fps: rate
    of an elementary stream, as the client said it."""

    __tablename__ = "videos"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str | None] = mapped_column(String(255))
    content_type: Mapped[str] = mapped_column(String(127))
    recorded_at: Mapped[datetime | None]
    source: Mapped[str | None] = mapped_column(String(255))
    tags: Mapped[list[Any]]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    fps: Mapped[float | None] = mapped_column(Double)
    media: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    refused: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    __table_args__ = (
        Index("ix_videos_user_created", "user_id", "created_at", "id"),
        Index("ix_videos_created", "created_at", "id"),
    )


# A video that was not probed yet; of those there are few.
UNPROBED = (Video.media.is_(None), Video.refused.is_(None))
_UNPROBED = and_(*UNPROBED)
Index(
    "ix_videos_unprobed",
    Video.user_id,
    Video.created_at,
    Video.id,
    sqlite_where=_UNPROBED,
    postgresql_where=_UNPROBED,
)
# A video that was refused, whose file is not stored; of those there are few, too.
REFUSED = Video.refused.is_not(None)
Index("ix_videos_refused", Video.user_id, sqlite_where=REFUSED, postgresql_where=REFUSED)


class Job(Base):
    """One run of a model over a video. Only the processor changes its state. chunks_sent: number of chunks sent to
    detectors so far, in order. tracks: a TracksState, None before there is one. traceparent: of the request that made
    it, see contracts.runtime.tracing. changed_at: see `changed_column`."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), index=True)
    model: Mapped[str] = mapped_column(String(128))
    options: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16), index=True)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    frames_total: Mapped[int | None]
    frames_done: Mapped[int] = mapped_column(default=0)
    chunks_total: Mapped[int | None]
    chunks_sent: Mapped[int] = mapped_column(default=0, server_default="0")
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    failed_ranges: Mapped[list[Any]] = mapped_column(default=list)
    tracks: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None] = mapped_column(index=True)
    changed_at: Mapped[datetime | None] = changed_column()
    traceparent: Mapped[str | None] = mapped_column(String(55))

    __table_args__ = (
        Index("ix_jobs_user_created", "user_id", "created_at", "id"),
        Index("ix_jobs_user_state", "user_id", "state", "created_at", "id"),
    )


# A job that is to end before it is done. Of those there are few, and of the next ones.
CANCELLED = and_(Job.cancel_requested, Job.finished_at.is_(None))
Index(
    "ix_jobs_cancelled",
    Job.cancel_requested,
    Job.created_at,
    Job.id,
    sqlite_where=CANCELLED,
    postgresql_where=CANCELLED,
)


def waits(job: type[Job] = Job) -> ColumnElement[bool]:
    """Whether a job waits for its turn. By an expression, as in the index of those: SQLite would take that on the state
    for a comparison of it."""
    queued = job.state.concat(literal_column("''")) == literal_column("'queued'")
    return and_(queued, not_(job.cancel_requested))


Index("ix_jobs_waiting", Job.user_id, Job.created_at, Job.id, sqlite_where=waits(), postgresql_where=waits())
# A job whose tracks are to be made; and one with frames whose tracks nobody asked for. All that is compared is in the
# statement, since no index with a condition is used for a value that is bound.
TRACKS_QUEUED = StateOf(Job.tracks) == literal_column("'queued'")
UNTRACKED = and_(Job.tracks.is_(None), Job.summary.is_not(None), Job.frames_done > literal_column("0"))
for _name, _which in (("tracks_queued", TRACKS_QUEUED), ("untracked", UNTRACKED)):
    Index(f"ix_jobs_{_name}", Job.finished_at, Job.id, sqlite_where=_which, postgresql_where=_which)


class Upload(Base):
    """A resumable upload, which becomes the video of the same id when it is complete.

    facts: metadata from the client (name, content_type, recorded_at, source, tags, fps).
    """

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    facts: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class Rendition(Base):
    """A rendition of a video, or of a job of it: poster, copies, clips; or a reel, of several videos (ReelVideo).

    Its id is derived from what it is of and how, so that there is one of each; reels have ids of their own, and expire.
    video_id: of a reel, that of its first piece. Only the processor changes its state:
    queued, running, ready or failed. size_bytes: of its file; of a clip or reel that is not made yet, about how many it
    will have, for the quota. changed_at: see `changed_column`.
    """

    __tablename__ = "renditions"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    options: Mapped[dict[str, Any]]
    expires_at: Mapped[datetime | None] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    frames_total: Mapped[int | None]
    frames_done: Mapped[int] = mapped_column(default=0)
    content_type: Mapped[str | None] = mapped_column(String(127))
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    finished_at: Mapped[datetime | None]
    changed_at: Mapped[datetime | None] = changed_column()

    __table_args__ = (Index("ix_renditions_user_kind", "user_id", "kind", "state", "created_at", "id"),)


class ReelVideo(Base):
    """A video of which a reel shows a part: the reel goes with it."""

    __tablename__ = "reel_videos"

    reel_id: Mapped[str] = mapped_column(ForeignKey("renditions.id", ondelete="CASCADE"), primary_key=True)
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True, index=True)


class Stream(Base):
    """A live stream. kind, wanted: see contracts.live.streams. address: its URL without user name and password, None
    for kinds without one; sealed: the whole URL, encrypted. options, record: StreamOptions and RecordingOptions.
    video_id: the stored video of the kind "video". revision: grows with every change of what is published.
    started_at: tick 0 of its clock. stopped_at: when it was last stopped."""

    __tablename__ = "streams"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(16))
    address: Mapped[str | None] = mapped_column(Text)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    video_id: Mapped[str | None] = mapped_column(ForeignKey("videos.id", ondelete="SET NULL"), index=True)
    model: Mapped[str] = mapped_column(String(128))
    options: Mapped[dict[str, Any]]
    record: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    wanted: Mapped[str] = mapped_column(String(16), default="running")
    revision: Mapped[int] = mapped_column(default=1)
    started_at: Mapped[datetime] = mapped_column(default=utcnow)
    stopped_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    changed_at: Mapped[datetime | None] = changed_column()

    __table_args__ = (Index("ix_streams_user_created", "user_id", "created_at", "id"),)


def _own_stream(context: DefaultExecutionContext) -> str:
    """The stream of a new recording."""
    return str(context.get_current_parameters()["stream_id"])  # type: ignore[no-untyped-call]


class Recording(Base):
    """A recording of a stream, which becomes a video with a job. Only the processor changes it.

    state: open, closed (all is written, not filed yet), filed (video_id and job_id are there), or failed. start, end:
    on the stream clock. reason: a RecordingEnd. instance: the ingest that writes it. stream_id: None after the stream
    was deleted; source_id: the same for ever, by which its object in the storage is found.
    """

    __tablename__ = "recordings"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    stream_id: Mapped[str | None] = mapped_column(ForeignKey("streams.id", ondelete="SET NULL"))
    source_id: Mapped[str] = mapped_column(String(36), default=_own_stream)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    video_id: Mapped[str | None] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    state: Mapped[str] = mapped_column(String(16), index=True)
    start: Mapped[int] = mapped_column(BigInteger)
    end: Mapped[int | None] = mapped_column(BigInteger)
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    frames: Mapped[int | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(String(32))
    instance: Mapped[str] = mapped_column(String(128))
    dropped: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)

    __table_args__ = (Index("ix_recordings_stream_started", "stream_id", "started_at", "id"),)
