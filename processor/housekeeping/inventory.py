"""Queries of operators and clean-up over all users: videos and jobs, what may be removed, what exists."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, delete, func, select, tuple_
from sqlalchemy.orm import Session

from contracts.coordination.deleted_jobs import DeletedJobs
from contracts.database.deletion import DeletedVideo, delete_job_rows, delete_video_rows, video_with_jobs
from contracts.database.engine import Database
from contracts.database.removing import unindex
from contracts.database.tables import Alert, AuditEvent, Job, Recording, Rendition, Upload, Video
from contracts.live.recordings import RecordingState
from contracts.results.port import ResultStore
from contracts.storage.port import Storage
from contracts.wire.job_states import ACTIVE, TERMINAL

VIDEO_EXPIRED, JOB_EXPIRED = "video.expired", "job.expired"
_PAGE = 500
_LOOKED_AT = 1000
_ACTIVE = [str(state) for state in ACTIVE]
_ENDED = [str(state) for state in TERMINAL]


class Inventory:
    """Each method uses its own transactions, so that none is open during long work."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def video(self, video_id: str) -> Video | None:
        """A video, or None."""
        with self._database.read() as session:
            return session.get(Video, video_id)

    def job(self, job_id: str) -> tuple[Job, Video] | None:
        """A job and its video, or None."""
        with self._database.read() as session:
            job = session.get(Job, job_id)
            video = session.get(Video, job.video_id) if job else None
            return (job, video) if job and video else None

    def jobs(self) -> Iterator[tuple[Job, Video]]:
        """All jobs with their videos, grouped by video."""
        after = ("", "")
        while True:
            later = (Job.video_id > after[0]) | ((Job.video_id == after[0]) & (Job.id > after[1]))
            with self._database.read() as session:
                statement = select(Job, Video).join(Video, Video.id == Job.video_id).where(later)
                found = session.execute(statement.order_by(Job.video_id, Job.id).limit(_PAGE))
                rows = [(job, video) for job, video in found]
            if not rows:
                return
            yield from rows
            after = (rows[-1][0].video_id, rows[-1][0].id)

    def old_videos(self, before: datetime) -> Iterator[Video]:
        """Videos uploaded before a time, without a job that runs or ended later; the oldest first. Looks at some at a
        time, since many old ones may be kept by such a job."""
        place = tuple_(Video.created_at, Video.id)
        old = select(Video.created_at, Video.id).where(Video.created_at < before).order_by(Video.created_at, Video.id)
        last: Any = None
        while True:
            following = old if last is None else old.where(place > last)
            with self._database.read() as session:
                places = session.execute(following.limit(_LOOKED_AT)).all()
                ids = [row.id for row in places]
                kept = kept_videos(session, ids, before)
                free = select(Video).where(Video.id.in_([one for one in ids if one not in kept]))
                found = list(session.scalars(free.order_by(Video.created_at, Video.id)))
            yield from found
            if len(places) < _LOOKED_AT:
                return
            last = tuple(places[-1])

    def old_jobs(self, before: datetime, most: int | None) -> list[Job]:
        """Jobs that ended before a time, the oldest first."""
        # `+ ""` disables the index on state: most jobs have ended, but few are that old.
        statement = select(Job).where(Job.finished_at < before, (Job.state + "").in_(_ENDED))
        with self._database.read() as session:
            return list(session.scalars(statement.order_by(Job.finished_at, Job.id).limit(most)))

    def delete_video(self, video: Video, before: datetime) -> DeletedVideo | None:
        """Delete a video that still qualifies for `old_videos`, and its jobs, first what these have in the index;
        None for one that does not."""
        keeping = select(func.count()).select_from(Job).where(Job.video_id == video.id, _keeps_video(before))
        with self._database.read() as session:
            if session.scalar(keeping):
                return None
        unindex(self._database, Job.video_id == video.id)
        with self._database.write() as session:
            found = video_with_jobs(session, video.id, lock=True)
            if found is None or session.scalar(keeping):
                return None
            session.add(AuditEvent(action=VIDEO_EXPIRED, user_id=video.user_id, subject=video.id))
            return delete_video_rows(session, *found)

    def delete_job(self, job: Job) -> bool:
        """Delete a job that has ended, first what it has in the index; False when it was already deleted."""
        unindex(self._database, (Job.id == job.id) & Job.state.in_(_ENDED))
        with self._database.write() as session:
            found = session.get(Job, job.id, with_for_update=True)
            if found is None or found.state not in _ENDED:
                return False
            delete_job_rows(session, found)
            session.add(AuditEvent(action=JOB_EXPIRED, user_id=job.user_id, subject=job.id))
            return True

    def expired_reels(self, before: datetime, most: int | None) -> list[Rendition]:
        """Reels whose time was over before a time, the oldest first."""
        statement = select(Rendition).where(Rendition.expires_at < before)
        with self._database.read() as session:
            return list(session.scalars(statement.order_by(Rendition.expires_at, Rendition.id).limit(most)))

    def delete_reel(self, reel_id: str) -> None:
        """Delete the row of a reel."""
        with self._database.write() as session:
            session.execute(delete(Rendition).where(Rendition.id == reel_id))

    def videos_of(self, ids: Iterable[str]) -> dict[str, bool]:
        """Which of these ids are videos or uploads, and whether each may have a file."""
        wanted = list(ids)
        with self._database.read() as session:
            uploads = session.scalars(select(Upload.id).where(Upload.id.in_(wanted)))
            videos = session.execute(select(Video.id, Video.refused).where(Video.id.in_(wanted)))
            return {**dict.fromkeys(uploads, True), **{row.id: row.refused is None for row in videos}}

    def jobs_of(self, ids: Iterable[str]) -> dict[str, bool]:
        """Which of these ids are jobs, and whether each is in progress."""
        with self._database.read() as session:
            rows = session.execute(select(Job.id, Job.state).where(Job.id.in_(list(ids))))
            return {row.id: row.state in _ACTIVE for row in rows}

    def pictured_alerts_of(self, ids: Iterable[str]) -> set[str]:
        """Which of these ids are alerts with a picture of their own."""
        with self._database.read() as session:
            return set(session.scalars(select(Alert.id).where(Alert.id.in_(list(ids)), Alert.picture)))

    def renditions_of(self, ids: Iterable[str]) -> set[str]:
        """Which of these ids are renditions."""
        with self._database.read() as session:
            return set(session.scalars(select(Rendition.id).where(Rendition.id.in_(list(ids)))))

    def recordings_of(self, ids: Iterable[str]) -> set[str]:
        """Which of these ids are recordings that are not filed. One that failed is kept as long as its stream."""
        kept = (Recording.state != str(RecordingState.FAILED)) | Recording.stream_id.is_not(None)
        unfiled = Recording.state != str(RecordingState.FILED)
        with self._database.read() as session:
            return set(session.scalars(select(Recording.id).where(Recording.id.in_(list(ids)), unfiled, kept)))


@dataclass(frozen=True, slots=True)
class DataStores:
    """What permanent deletion removes data from. store and deleted_jobs: None when Redis does not run; what they hold
    expires automatically."""

    inventory: Inventory
    storage: Storage
    store: ResultStore | None
    deleted_jobs: DeletedJobs | None


def kept_videos(session: Session, ids: Sequence[str], before: datetime) -> set[str]:
    """Those of some videos that a job keeps. By their ids: joined with the jobs, all jobs may be read."""
    return set(session.scalars(select(Job.video_id).where(Job.video_id.in_(ids), _keeps_video(before))))


def _keeps_video(before: datetime) -> ColumnElement[bool]:
    """SQL condition of a job that keeps its video."""
    # `+ ""` disables the index on state, and with it that on the time: for a video, few jobs are looked at.
    return (Job.state + "").in_(_ACTIVE) | (Job.finished_at >= before)
