"""Jobs, as the api reads and changes them. Users see only their own."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from msgspec import UNSET
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Engine, Row, Select, bindparam, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.access.quotas import Guard
from api.requests.idempotency import LIFE_HOURS, RequestKey
from api.tables.queries import (
    MOST_CHANGES,
    found,
    in_states_or_changed,
    looked_at,
    merged_page,
    owned,
    page,
    ready_posters,
)
from contracts.database.deletion import delete_job_rows
from contracts.database.engine import Database
from contracts.database.removing import unindex
from contracts.database.tables import IdempotencyKey, Job, Video, new_id, utcnow
from contracts.errors import IdempotencyMismatch, JobsRunning
from contracts.results.tracks import TrackerParameters, TracksState, TracksStep
from contracts.runtime import tracing
from contracts.wire.job_states import ACTIVE, WORKING, JobState
from contracts.wire.messages import Options, from_json, to_json

# Id, user, video, state, and the time of the last change.
ChangedJob = Row[str, str, str, str, datetime | None]
_CHANGED = (Job.id, Job.user_id, Job.video_id, Job.state, Job.changed_at)
_ACTIVE = [str(state) for state in ACTIVE]
# Polls ask it: to build it costs more than all else.
_WITH_VIDEO = (
    select(Job, Video)
    .join(Video, Video.id == Job.video_id)
    .where(Job.id == bindparam("id"), Job.user_id == bindparam("user"))
)
# Jobs that one request for a page looks at, for the names of their videos.
LOOKED_AT = 5000
_WORKING = [str(state) for state in WORKING]


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Filter of a user's jobs: by video, by part of the video's name, by states."""

    video_id: str | None = None
    search: str = ""
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobWithVideo:
    """A job with the video data that its representation includes."""

    job: Job
    video: Video
    has_poster: bool


class JobTable:
    """Each method is one short transaction, a deletion several, and returns detached rows."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def add(
        self, user_id: str, video_id: str, model: str, options: Options, guard: Guard, key: RequestKey | None = None
    ) -> tuple[Job, bool]:
        """Add a job on a user's video. Returns it, or the job of an earlier request with the same key, and
        whether it is new.

        Raises NotFound, IdempotencyMismatch, and what the guard raises.
        """
        try:
            return self._add(user_id, video_id, model, options, guard, key)
        except IntegrityError:
            # A concurrent request with the same key: its job exists now.
            return self._add(user_id, video_id, model, options, guard, key)

    def _add(
        self, user_id: str, video_id: str, model: str, options: Options, guard: Guard, key: RequestKey | None
    ) -> tuple[Job, bool]:
        job = Job(
            id=new_id(),
            user_id=user_id,
            video_id=video_id,
            model=model,
            options=to_json(options),
            state=str(JobState.QUEUED),
            failed_ranges=[],
            traceparent=tracing.traceparent(),
        )
        with self._database.write() as session:
            if key and (known := _known_job(session, user_id, key)):
                return known, False
            owned(session, Video, user_id, video_id, "video")
            guard(session)
            session.add(job)
            if key:
                session.flush()
                session.add(IdempotencyKey(user_id=user_id, job_id=job.id, **asdict(key)))
        return job, True

    def get(self, user_id: str, job_id: str) -> Job:
        """A user's job. Raises NotFound."""
        with self._database.read() as session:
            return owned(session, Job, user_id, job_id, "job")

    def page(self, user_id: str, limit: int, cursor: str | None, which: JobFilter) -> tuple[list[Job], str | None]:
        """A page of a user's jobs, newest first, and the cursor of the next page. What is searched for is looked for
        among so many jobs at a time: a page with room left may have a next one. Raises InvalidCursor."""
        with self._database.read() as session:
            if which.video_id or not which.search:
                return merged_page(session, _of_states(user_id, which), Job.created_at, limit, cursor)
            mine = select(Job).where(Job.user_id == user_id)
            part, after = looked_at(session, mine, Job.created_at, LOOKED_AT, cursor)
            jobs, following = page(session, part.where(*_conditions(which)), Job.created_at, limit, cursor)
            return jobs, following or after

    def get_with_video(self, user_id: str, job_id: str) -> JobWithVideo:
        """A user's job with its video data. Raises NotFound."""
        with self._database.read() as session:
            rows = session.execute(_WITH_VIDEO, {"id": job_id, "user": user_id})
            job, video = found(rows.one_or_none(), "job")
            return JobWithVideo(job, video, video.id in ready_posters(session, [video.id]))

    def with_videos(self, jobs: Sequence[Job]) -> list[JobWithVideo]:
        """Jobs with their video data, without jobs whose video has been deleted meanwhile."""
        ids = {job.video_id for job in jobs}
        with self._database.read() as session:
            videos = {video.id: video for video in session.scalars(select(Video).where(Video.id.in_(ids)))}
            posters = ready_posters(session, ids)
        there = [job for job in jobs if job.video_id in videos]
        return [JobWithVideo(job, videos[job.video_id], job.video_id in posters) for job in there]

    def by_ids(self, ids: Sequence[str]) -> list[Job]:
        """The jobs of these ids, without deleted ones."""
        with self._database.read() as session:
            return list(session.scalars(select(Job).where(Job.id.in_(ids))))

    def changed(self, user_ids: Sequence[str], since: datetime, states: Collection[JobState]) -> Sequence[ChangedJob]:
        """What identifies the jobs of these users that are in one of the states, or changed since then: those at work
        first, queued ones last, oldest first, at most MOST_CHANGES."""
        order = (Job.state.not_in(_WORKING), Job.state == str(JobState.QUEUED), Job.created_at, Job.id)
        statement = select(*_CHANGED).where(Job.id.in_(in_states_or_changed(Job, states, since)))
        # `+ ""` disables the index on user_id: a user may have many jobs, but few jobs have changed.
        statement = statement.where((Job.user_id + "").in_(user_ids)).order_by(*order).limit(MOST_CHANGES)
        with self._database.read() as session:
            return session.execute(statement).all()

    def identified(self, job_id: str) -> Sequence[ChangedJob]:
        """The same of one job; empty when it has been deleted."""
        with self._database.read() as session:
            return session.execute(select(*_CHANGED).where(Job.id == job_id)).all()

    def request_cancel(self, user_id: str, job_id: str) -> Job:
        """Request the cancellation of a job that has not ended. Raises NotFound."""
        with self._database.write() as session:
            job = owned(session, Job, user_id, job_id, "job")
            if job.state in _ACTIVE:
                job.cancel_requested = True
            return job

    def request_tracks(self, user_id: str, job_id: str, parameters: TrackerParameters) -> Job:
        """Note that a job's tracks are to be made; those that it has stay until then. Raises NotFound."""
        with self._database.write() as session:
            job = owned(session, Job, user_id, job_id, "job", lock=True)  # the processor settles the tracks
            known = TracksState(TracksStep.QUEUED) if job.tracks is None else from_json(job.tracks, TracksState)
            job.tracks = to_json(replace(known, state=TracksStep.QUEUED, parameters=parameters, error=UNSET))
            return job

    def delete(self, user_id: str, job_id: str) -> Job:
        """Delete a job that has ended, first what it has in the index. Raises NotFound, JobsRunning."""
        with self._database.read() as session:
            _ended(session, user_id, job_id)
        unindex(self._database, Job.id == job_id)
        with self._database.write() as session:
            job = _ended(session, user_id, job_id, lock=True)
            delete_job_rows(session, job)
            return job


def _ended(session: Session, user_id: str, job_id: str, *, lock: bool = False) -> Job:
    job = owned(session, Job, user_id, job_id, "job", lock=lock)
    if job.state in _ACTIVE:
        raise JobsRunning("the job has not ended: cancel it first, or wait")
    return job


def _of_states(user_id: str, which: JobFilter) -> Iterator[Select[Job]]:
    """The jobs of each state that is asked for."""
    if which.video_id:
        # `+ ""` disables the index on user_id: a user may have many jobs, but a video has few.
        yield select(Job).where(Job.user_id + "" == user_id, *_conditions(which))
        return
    mine = select(Job).where(Job.user_id == user_id)
    yield from (mine.where(Job.state == state) for state in set(which.states)) if which.states else [mine]


def _conditions(which: JobFilter) -> Iterator[ColumnElement[bool]]:
    if which.video_id:
        yield Job.video_id == which.video_id
    if which.search:
        named = func.lower(Video.name).contains(which.search.lower(), autoescape=True)
        # Of each job that is looked at, and not the other way round: no index knows parts of names.
        yield select(named).where(Video.id == Job.video_id).scalar_subquery()
    if which.states:
        yield (Job.state + "").in_(which.states)  # `+ ""`: as above, of many jobs few are looked at


def _known_job(session: Session, user_id: str, key: RequestKey) -> Job | None:
    """The job of an earlier request with this key. Raises IdempotencyMismatch when that request was different."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < utcnow() - timedelta(hours=LIFE_HOURS)))
    row = session.get(IdempotencyKey, (user_id, key.operation, key.key))
    if row is None:
        return None
    if row.fingerprint != key.fingerprint:
        raise IdempotencyMismatch("this Idempotency-Key was used for a different request: use a new key")
    return session.get(Job, row.job_id)
