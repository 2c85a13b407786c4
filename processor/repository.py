"""The processor's database access. The only place that changes the state of jobs and renditions."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, load_only

from contracts.database.changes import note_video_change
from contracts.database.engine import Database
from contracts.database.removing import remove_rows
from contracts.database.tables import (
    CANCELLED,
    UNPROBED,
    AuditEvent,
    Delivery,
    Job,
    Rendition,
    Upload,
    User,
    Video,
    Webhook,
    new_id,
    utcnow,
)
from contracts.wire.job_states import TERMINAL, WORKING, JobState, sources
from contracts.wire.messages import Media, to_json
from contracts.wire.renditions import UNFINISHED, RenditionState, rendition_id
from contracts.wire.webhooks import JOB_FINISHED, DeliveryState
from processor.core.fair_share import WORKED_ON, next_jobs
from processor.waiting_jobs import oldest_waiting

_WORKED_ON = [str(state) for state in WORKED_ON]
_WAITING = (Job.state == str(JobState.QUEUED), Job.cancel_requested.is_(False))
_BEGUN = [str(state) for state in WORKING]
_OLDEST = (Job.created_at, Job.id)
# What is read of a job that waits: of its turn, and to send it.
_OF_WAITING = load_only(
    Job.user_id, Job.video_id, Job.state, Job.cancel_requested, Job.created_at, Job.traceparent, raiseload=True
)
_MOST_ENDING = 100  # at once, of the cancelled ones, and of those of a user that are overdue: others follow


class Repository:
    """Each method runs in its own short transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._database = Database(engine)

    def job(self, job_id: str) -> Job | None:
        """The job, or None after it was deleted."""
        with self._database.read() as session:
            return session.get(Job, job_id)

    def video(self, video_id: str) -> Video | None:
        """The video, or None after it was deleted."""
        with self._database.read() as session:
            return session.get(Video, video_id)

    def quotas(self, user_id: str) -> dict[str, Any] | None:
        """The quotas of a user that override the settings."""
        with self._database.read() as session:
            return session.scalar(select(User.quotas).where(User.id == user_id))

    def move(self, job_id: str, target: JobState, **values: Any) -> bool:
        """Move a job to a state by compare-and-set; False when its state does not allow it. A terminal state and its
        webhook deliveries are written in one transaction."""
        if target in TERMINAL:
            values["finished_at"] = utcnow()
        statement = (
            update(Job)
            .where(Job.id == job_id, Job.state.in_([str(state) for state in sources(target)]))
            .values(state=str(target), **values)
        )
        with self._database.write() as session:
            moved: bool = session.execute(statement).rowcount == 1  # type: ignore[attr-defined]
            if moved and target in TERMINAL:
                note_end(session, job_id)
            return moved

    def begin(self, job_id: str, limit: int) -> bool:
        """Move a queued job to planning if it may start (see `next_jobs`)."""
        with self._database.write() as session:
            queued = (Job.id == job_id, Job.state == str(JobState.QUEUED))
            user_id = session.scalar(select(Job.user_id).where(*queued))
            if user_id is None:
                return False
            session.get(User, user_id, with_for_update={"key_share": True})  # serialise the starts of a user
            if job_id not in {job.id for job in _next_jobs(session, user_id, limit)}:
                return False
            begun = update(Job).where(*queued).values(state=str(JobState.PLANNING), started_at=utcnow())
            return session.execute(begun).rowcount == 1  # type: ignore[attr-defined,no-any-return]

    def next_jobs(self, user_id: str, limit: int) -> list[Job]:
        """The queued jobs of a user that may start: the oldest, with at most limit jobs in progress. Loads only the
        columns that `core.fair_share` reads."""
        with self._database.read() as session:
            return _next_jobs(session, user_id, limit)

    def count_worked_on(self, user_id: str) -> int:
        """Number of jobs in progress of a user."""
        statement = select(func.count()).select_from(Job).where(*_worked_on(user_id))
        with self._database.read() as session:
            return session.scalars(statement).one()

    def note_sent(self, job_id: str, before: int, after: int) -> bool:
        """Set the number of sent chunks of a running job by compare-and-set."""
        running = (Job.id == job_id, Job.state == str(JobState.RUNNING), Job.chunks_sent == before)
        with self._database.write() as session:
            result = session.execute(update(Job).where(*running).values(chunks_sent=after))
            return result.rowcount == 1  # type: ignore[attr-defined,no-any-return]

    def note_error(self, job_id: str, error: dict[str, str]) -> None:
        """Record the error that delays the merge of a job."""
        merging = (Job.id == job_id, Job.state == str(JobState.MERGING))
        with self._database.write() as session:
            session.execute(update(Job).where(*merging).values(error=error))

    def probed(self, video_id: str, media: Media | None, refused: str | None) -> bool:
        """Store the result of the probe; False when the video was deleted."""
        values = {"media": to_json(media) if media else None, "refused": refused}
        with self._database.write() as session:
            result = session.execute(update(Video).where(Video.id == video_id).values(**values))
            note_video_change(session, video_id)
            return result.rowcount == 1  # type: ignore[attr-defined,no-any-return]

    def jobs_to_advance(self, per_user: int, overdue: datetime | None) -> list[Job]:
        """The active jobs for which something may have to be done, oldest first: all at work; of the queued ones, the
        oldest of each user, and some that were cancelled or made before a time, if one is given. The rest only waits,
        and there may be very many of it. Of those that wait only what the reaper reads is loaded."""
        with self._database.read() as session:
            found = list(session.scalars(select(Job).where(Job.state.in_(_BEGUN))))
            # Not of those at work, which may be unable to end, and would keep these from being looked at.
            ending = select(Job).where(CANCELLED, Job.state == str(JobState.QUEUED))
            found += session.scalars(ending.order_by(*_OLDEST).limit(_MOST_ENDING))
            waiting = oldest_waiting(per_user, overdue, _MOST_ENDING).options(_OF_WAITING)
            found += session.scalars(waiting)
        return sorted({job.id: job for job in found}.values(), key=lambda job: (job.created_at, job.id))

    def unprobed_videos(self, before: datetime, per_user: int) -> list[tuple[str, str]]:
        """User and id of videos uploaded before a time and not probed, the oldest of each user."""
        rank = func.row_number().over(partition_by=Video.user_id, order_by=(Video.created_at, Video.id)).label("rank")
        ranked = select(Video.user_id, Video.id, rank).where(*UNPROBED, Video.created_at < before).subquery()
        with self._database.read() as session:
            rows = session.execute(select(ranked).where(ranked.c.rank <= per_user).order_by(ranked.c.rank))
            return [(row.user_id, row.id) for row in rows]

    def unprobed_of(self, user_id: str, limit: int) -> list[str]:
        """The oldest videos of a user that are not probed."""
        statement = select(Video.id).where(Video.user_id == user_id, *UNPROBED)
        with self._database.read() as session:
            return list(session.scalars(statement.order_by(Video.created_at, Video.id).limit(limit)))

    def jobs_in_planning(self, video_id: str) -> list[str]:
        """The jobs of a video that have begun and have no plan."""
        statement = select(Job.id).where(Job.video_id == video_id, Job.state == str(JobState.PLANNING))
        with self._database.read() as session:
            return list(session.scalars(statement))

    def rendition(self, row_id: str) -> Rendition | None:
        """The rendition, or None after it was deleted."""
        with self._database.read() as session:
            return session.get(Rendition, row_id)

    def add_poster(self, video_id: str) -> Rendition | None:
        """Add a poster to be made; None when there is one already, or no such video."""
        try:
            with self._database.write() as session:
                # Row lock until the poster is inserted, so that a concurrent deletion of the video includes it.
                video = session.get(Video, video_id, with_for_update={"read": True, "key_share": True})
                if video is None:
                    return None
                poster = Rendition(
                    id=rendition_id(video_id, None, "poster"),
                    user_id=video.user_id,
                    video_id=video_id,
                    kind="poster",
                    options={},
                    state=str(RenditionState.QUEUED),
                )
                session.add(poster)
                return poster
        except IntegrityError:
            return None

    def move_rendition(self, row: Rendition, target: RenditionState, **values: Any) -> bool:
        """Move an unfinished rendition; False when it was deleted, finished, or requested again since it was read."""
        if target not in UNFINISHED:
            values["finished_at"] = utcnow()
        same = (Rendition.id == row.id, Rendition.created_at == row.created_at)
        unfinished = Rendition.state.in_([str(state) for state in UNFINISHED])
        statement = update(Rendition).where(*same, unfinished).values(state=str(target), **values)
        with self._database.write() as session:
            if row.kind == "poster":
                note_video_change(session, row.video_id)  # first: see contracts.database.deletion
            return session.execute(statement).rowcount == 1  # type: ignore[attr-defined,no-any-return]

    def unfinished_renditions(self, before: datetime | None, per_user: int) -> list[Rendition]:
        """Renditions that were requested before a time, if one is given: running ones, and the oldest queued ones of
        each user and kind. Oldest first."""
        groups = (Rendition.user_id, Rendition.kind, Rendition.state)
        rank = func.row_number().over(partition_by=groups, order_by=(Rendition.created_at, Rendition.id))
        unfinished: list[ColumnElement[bool]] = [Rendition.state.in_([str(state) for state in UNFINISHED])]
        if before is not None:
            unfinished.append(Rendition.created_at < before)
        ranked = select(Rendition.id, rank.label("rank")).where(*unfinished).subquery()
        first = or_(ranked.c.rank <= per_user, Rendition.state == str(RenditionState.RUNNING))
        statement = select(Rendition).join(ranked, ranked.c.id == Rendition.id).where(first)
        with self._database.read() as session:
            return list(session.scalars(statement.order_by(Rendition.created_at)))

    def waiting_posters(self, user_id: str, limit: int) -> list[Rendition]:
        """The oldest posters of a user that wait to be made."""
        queued = (Rendition.kind == "poster", Rendition.state == str(RenditionState.QUEUED))
        statement = select(Rendition).where(Rendition.user_id == user_id, *queued)
        with self._database.read() as session:
            return list(session.scalars(statement.order_by(Rendition.created_at, Rendition.id).limit(limit)))

    def expired_uploads(self, most: int) -> list[str]:
        """The expired resumable uploads that expired first."""
        expired = select(Upload.id).where(Upload.expires_at < utcnow()).order_by(Upload.expires_at, Upload.id)
        with self._database.read() as session:
            return list(session.scalars(expired.limit(most)))

    def has_expired(self, upload_id: str) -> bool:
        """Whether an upload exists and has expired."""
        with self._database.read() as session:
            upload = session.get(Upload, upload_id)
            return upload is not None and upload.expires_at < utcnow()

    def forget_events(self, before: datetime) -> int:
        """Delete events of the audit log before a time; returns their number."""
        return remove_rows(self._database, AuditEvent, AuditEvent.at < before)

    def delete_upload(self, upload_id: str) -> None:
        """Delete an upload."""
        with self._database.write() as session:
            session.execute(delete(Upload).where(Upload.id == upload_id))


def _next_jobs(session: Session, user_id: str, limit: int) -> list[Job]:
    needed = load_only(Job.user_id, Job.state, Job.cancel_requested, Job.traceparent)
    some = select(Job).options(needed)
    worked_on = session.scalars(some.where(*_worked_on(user_id))).all()
    if len(worked_on) >= limit:
        return []  # nearly every message of a long queue ends here
    oldest = some.where(Job.user_id == user_id, *_WAITING).order_by(Job.created_at, Job.id).limit(limit)
    return next_jobs([*worked_on, *session.scalars(oldest)], limit)


def _worked_on(user_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """SQL conditions of the jobs in progress of a user. `+ ""` disables the index on user_id: a user may have very many
    jobs, but few are in progress."""
    return Job.user_id + "" == user_id, Job.state.in_(_WORKED_ON)


def note_end(session: Session, job_id: str) -> None:
    """Add a delivery for each webhook that is told of the jobs of this user, in the transaction that ends the job."""
    mine = select(Webhook.id).join(Job, Job.user_id == Webhook.user_id).where(Job.id == job_id, Webhook.jobs)
    # Lock the webhooks until the deliveries are inserted: a concurrent deletion must not fail the transaction.
    held = mine.with_for_update(of=Webhook, read=True, key_share=True)
    now = utcnow()
    for webhook_id in session.scalars(held).all():
        session.add(
            Delivery(
                id=new_id(),
                webhook_id=webhook_id,
                job_id=job_id,
                event=JOB_FINISHED,
                state=str(DeliveryState.WAITING),
                next_at=now,
                created_at=now,
            )
        )
