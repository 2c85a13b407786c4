"""The api's view of the tables. Everything is asked for by its owner: what is another's is not there."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Engine, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as OrmSession

from api.idempotency import LIFE_HOURS, RequestKey
from api.quotas import Guard
from contracts.database import Database
from contracts.errors import (
    IdempotencyMismatch,
    InvalidCursor,
    JobsRunning,
    NotFound,
    TooManyTokens,
    TooManyUploads,
    Unauthenticated,
    UsernameTaken,
)
from contracts.messages import Options, to_json
from contracts.renditions import RenditionState
from contracts.states import ACTIVE, JobState
from contracts.tables import (
    ApiToken,
    Delivery,
    IdempotencyKey,
    Job,
    Rendition,
    Session,
    Upload,
    User,
    Video,
    new_id,
    utcnow,
)

TOKENS_PER_USER = 100
_USE_NOTED = timedelta(minutes=1)
_MOST_CHANGES = 10_000
_ACTIVE = [str(state) for state in ACTIVE]
Row = TypeVar("Row", Video, Job)
Owned = TypeVar("Owned", Video, Job, Upload, ApiToken)


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs of a user: of a video, of videos with this in their names, in one of these states."""

    video_id: str | None = None
    search: str = ""
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A job, and what is told of its video."""

    job: Job
    video: Video
    has_poster: bool


_POSTER = exists().where(
    Rendition.video_id == Video.id,
    Rendition.job_id.is_(None),
    Rendition.kind == "poster",
    Rendition.state == str(RenditionState.READY),
)


class Repository:
    """Short transactions; what it returns is detached from them."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    # Users and sessions

    def add_user(self, username: str, password_hash: str, role: str = "user") -> User:
        """A new user. Raises UsernameTaken."""
        user = User(id=new_id(), username=username, password_hash=password_hash, role=role)
        try:
            with self._database.write() as session:
                session.add(user)
        except IntegrityError as error:
            raise UsernameTaken(f"the name {username!r} is taken: choose another or log in") from error
        return user

    def user_by_name(self, username: str) -> User | None:
        """The user of that name."""
        with self._database.read() as session:
            return session.scalar(select(User).where(User.username == username))

    def user(self, user_id: str) -> User:
        """The user. Raises NotFound."""
        with self._database.read() as session:
            return _found(session.get(User, user_id), "user")

    def add_session(self, session_id: str, user_id: str, refresh_id: str, expires_at: datetime) -> None:
        """Note a login."""
        with self._database.write() as session:
            session.execute(delete(Session).where(Session.expires_at < utcnow()))
            session.add(Session(id=session_id, user_id=user_id, refresh_id=refresh_id, expires_at=expires_at))

    def session_role(self, session_id: str, user_id: str) -> str | None:
        """The role of who is logged in by a session, None where its tokens hold no longer."""
        good = select(User.role).where(
            Session.id == session_id,
            Session.user_id == user_id,
            Session.revoked_at.is_(None),
            User.id == Session.user_id,
        )
        with self._database.read() as session:
            return session.scalar(good)

    def good_credentials(self, ids: Sequence[str]) -> set[str]:
        """Which of these sessions and API tokens hold."""
        now = utcnow()
        sessions = select(Session.id).where(Session.id.in_(ids), Session.revoked_at.is_(None), Session.expires_at > now)
        tokens = select(ApiToken.id).where(ApiToken.id.in_(ids), _holds(now))
        with self._database.read() as session:
            return {*session.scalars(sessions), *session.scalars(tokens)}

    # API tokens

    def add_token(self, token: ApiToken) -> None:
        """Note a token. Raises TooManyTokens."""
        with self._database.write() as session:
            count = select(func.count()).select_from(ApiToken).where(ApiToken.user_id == token.user_id)
            if session.scalars(count).one() >= TOKENS_PER_USER:
                raise TooManyTokens(f"you have {TOKENS_PER_USER} tokens: delete one that is not used any more")
            session.add(token)

    def tokens(self, user_id: str) -> list[ApiToken]:
        """A user's tokens, the newest first."""
        statement = select(ApiToken).where(ApiToken.user_id == user_id)
        with self._database.read() as session:
            return list(session.scalars(statement.order_by(ApiToken.created_at.desc(), ApiToken.id)))

    def delete_token(self, user_id: str, token_id: str) -> None:
        """End a user's token. Raises NotFound."""
        with self._database.write() as session:
            session.delete(_owned(session, ApiToken, user_id, token_id, "token"))

    def use_token(self, digest: str, now: datetime) -> ApiToken | None:
        """The good token of a digest. That it was used is noted once a minute, so that few requests write."""
        with self._database.read() as session:
            token = session.scalar(select(ApiToken).where(ApiToken.digest == digest, _holds(now)))
        if token and (token.last_used_at is None or token.last_used_at < now - _USE_NOTED):
            with self._database.write() as session:
                session.execute(update(ApiToken).where(ApiToken.id == token.id).values(last_used_at=now))
        return token

    def rotate_refresh(self, session_id: str, old: str, new: str, expires_at: datetime) -> None:
        """Let a new refresh token take the place of the old one.

        Nothing happens where it has done so already. Raises Unauthenticated when the old one is not the
        good one: somebody used it before, so the whole session ends.
        """
        statement = (
            update(Session)
            .where(Session.id == session_id, Session.refresh_id == old, Session.revoked_at.is_(None))
            .values(refresh_id=new, expires_at=expires_at)
        )
        with self._database.write() as session:
            done = session.execute(statement).rowcount == 1  # type: ignore[attr-defined]
            known = select(Session.id).where(
                Session.id == session_id, Session.refresh_id == new, Session.revoked_at.is_(None)
            )
            done = done or session.scalar(known) is not None
        if not done:
            self.revoke(session_id)
            raise Unauthenticated("this refresh token was used or revoked: log in again")

    def revoke(self, session_id: str) -> None:
        """End a session."""
        with self._database.write() as session:
            session.execute(update(Session).where(Session.id == session_id).values(revoked_at=utcnow()))

    def revoke_all(self, user_id: str) -> None:
        """End all sessions of a user."""
        with self._database.write() as session:
            session.execute(
                update(Session)
                .where(Session.user_id == user_id, Session.revoked_at.is_(None))
                .values(revoked_at=utcnow())
            )

    # Videos

    def add_video(self, video: Video, guard: Guard) -> Video:
        """Note an upload. Raises what the guard does."""
        with self._database.write() as session:
            guard(session)
            session.add(video)
        return video

    def video(self, user_id: str, video_id: str) -> Video:
        """A user's video. Raises NotFound."""
        with self._database.read() as session:
            return _owned(session, Video, user_id, video_id, "video")

    def videos(self, user_id: str, limit: int, cursor: str | None) -> tuple[list[Video], str | None]:
        """A page of a user's videos, the newest first, and the cursor of the next page."""
        return self._page(Video, user_id, limit, cursor)

    def delete_video(self, user_id: str, video_id: str) -> list[str]:
        """Delete a video and its jobs; the ids of these. Raises NotFound, JobsRunning."""
        with self._database.write() as session:
            video = _owned(session, Video, user_id, video_id, "video")
            jobs = list(session.scalars(select(Job).where(Job.video_id == video_id)))
            running = [job.id for job in jobs if job.state in _ACTIVE]
            if running:
                raise JobsRunning(f"job {running[0]} is still at work on the video: cancel it first, or wait")
            session.execute(delete(Rendition).where(Rendition.video_id == video_id))
            session.execute(delete(Job).where(Job.video_id == video_id))
            session.delete(video)
            return [job.id for job in jobs]

    # Uploads in pieces

    def add_upload(self, upload: Upload, most: int, guard: Guard) -> None:
        """Note an upload that begins. Raises TooManyUploads when its user has as many as may be, and what the guard
        does."""
        unfinished = select(func.count()).where(Upload.user_id == upload.user_id, Upload.expires_at > utcnow())
        with self._database.write() as session:
            session.get(User, upload.user_id, with_for_update=True)  # one after the other, so that none is over
            if (session.scalar(unfinished) or 0) >= most:
                raise TooManyUploads(f"you have {most} unfinished uploads, as many as may be: end or delete some")
            guard(session)
            session.add(upload)

    def upload(self, user_id: str, upload_id: str) -> Upload:
        """A user's upload that is not finished. Raises NotFound."""
        with self._database.read() as session:
            upload = _owned(session, Upload, user_id, upload_id, "upload")
            return _found(upload if upload.expires_at > utcnow() else None, "upload: it has expired")

    def extend_upload(self, upload_id: str, expires_at: datetime) -> None:
        """An upload gets on: it expires later."""
        with self._database.write() as session:
            session.execute(update(Upload).where(Upload.id == upload_id).values(expires_at=expires_at))

    def become_video(self, video: Video) -> None:
        """The upload of that id is whole and becomes the video. Raises NotFound when it was deleted meanwhile."""
        with self._database.write() as session:
            done = session.execute(delete(Upload).where(Upload.id == video.id)).rowcount  # type: ignore[attr-defined]
            _found(done or None, "upload")
            session.add(video)

    def delete_upload(self, upload_id: str) -> None:
        """Forget an upload."""
        with self._database.write() as session:
            session.execute(delete(Upload).where(Upload.id == upload_id))

    # Jobs

    def add_job(
        self, user_id: str, video_id: str, model: str, options: Options, guard: Guard, key: RequestKey | None = None
    ) -> tuple[Job, bool]:
        """A new job on a user's video, or the one that the key led to before; and whether it is new.

        Raises NotFound, IdempotencyMismatch, and what the guard does.
        """
        try:
            return self._add_job(user_id, video_id, model, options, guard, key)
        except IntegrityError:
            # The same key at the same moment: now the other one's job is there.
            return self._add_job(user_id, video_id, model, options, guard, key)

    def _add_job(
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
        )
        with self._database.write() as session:
            if key and (known := _known_job(session, user_id, key)):
                return known, False
            _owned(session, Video, user_id, video_id, "video")
            guard(session)
            session.add(job)
            if key:
                session.flush()
                session.add(IdempotencyKey(user_id=user_id, job_id=job.id, **asdict(key)))
        return job, True

    def job(self, user_id: str, job_id: str) -> Job:
        """A user's job. Raises NotFound."""
        with self._database.read() as session:
            return _owned(session, Job, user_id, job_id, "job")

    def jobs(self, user_id: str, limit: int, cursor: str | None, which: JobFilter) -> tuple[list[Job], str | None]:
        """A page of a user's jobs, the newest first, and the cursor of the next page."""
        return self._page(Job, user_id, limit, cursor, *_conditions(user_id, which))

    def seen_job(self, user_id: str, job_id: str) -> Seen:
        """A user's job with what is told of its video. Raises NotFound."""
        statement = select(Job, Video, _POSTER).join(Video, Video.id == Job.video_id)
        with self._database.read() as session:
            found = session.execute(statement.where(Job.id == job_id, Job.user_id == user_id)).one_or_none()
        return Seen(*_found(found, "job"))

    def seen(self, jobs: Sequence[Job]) -> list[Seen]:
        """Jobs with what is told of their videos; without those whose video was deleted meanwhile."""
        ids = {job.video_id for job in jobs}
        with self._database.read() as session:
            rows = session.execute(select(Video, _POSTER).where(Video.id.in_(ids)))
            videos = {video.id: (video, has_poster) for video, has_poster in rows}
        return [Seen(job, *videos[job.video_id]) for job in jobs if job.video_id in videos]

    def changed_jobs(self, user_ids: Sequence[str], since: datetime, job_id: str | None = None) -> list[Job]:
        """Jobs of these users that are at work or ended since then, and the one of the id, the newest last; not too
        many of them."""
        named = [Job.id == job_id] if job_id else []
        changed = or_(Job.state.in_(_ACTIVE), Job.finished_at > since, *named)
        # Few jobs of all users have changed, and a user may have very many: the index of users is not the one to take.
        statement = select(Job).where((Job.user_id + "").in_(user_ids), changed)
        with self._database.read() as session:
            return list(session.scalars(statement.order_by(Job.created_at.desc()).limit(_MOST_CHANGES)))[::-1]

    def changed_renditions(self, user_ids: Sequence[str], since: datetime) -> list[Rendition]:
        """Renditions for these users that are at work or ended since then; not too many of them."""
        changed = or_(Rendition.state.in_(("queued", "running")), Rendition.finished_at > since)
        statement = select(Rendition).where(Rendition.user_id.in_(user_ids), changed)
        with self._database.read() as session:
            return list(session.scalars(statement.order_by(Rendition.created_at.desc()).limit(_MOST_CHANGES)))[::-1]

    def request_cancel(self, user_id: str, job_id: str) -> Job:
        """Note that a job shall stop, unless it has ended. Raises NotFound."""
        with self._database.write() as session:
            job = _owned(session, Job, user_id, job_id, "job")
            if job.state in _ACTIVE:
                job.cancel_requested = True
            return job

    def delete_job(self, user_id: str, job_id: str) -> Job:
        """Delete a job that has ended. Raises NotFound, JobsRunning."""
        with self._database.write() as session:
            job = _owned(session, Job, user_id, job_id, "job")
            if job.state in _ACTIVE:
                raise JobsRunning("the job is still at work: cancel it first, or wait")
            session.execute(delete(Rendition).where(Rendition.job_id == job_id))
            session.delete(job)
            return job

    def _page(
        self, table: type[Row], user_id: str, limit: int, cursor: str | None, *conditions: Any
    ) -> tuple[list[Row], str | None]:
        statement = select(table).where(table.user_id == user_id, *conditions)
        if cursor:
            statement = statement.where(tuple_(table.created_at, table.id) < parse_cursor(cursor))
        statement = statement.order_by(table.created_at.desc(), table.id.desc()).limit(limit + 1)
        with self._database.read() as session:
            rows = list(session.scalars(statement))
        more = len(rows) > limit
        rows = rows[:limit]
        return rows, cursor_of(rows[-1]) if more else None


def _owned(session: OrmSession, table: type[Owned], user_id: str, row_id: str, name: str) -> Owned:
    row = session.get(table, row_id)
    return _found(row if row is not None and row.user_id == user_id else None, name)


def _conditions(user_id: str, which: JobFilter) -> Iterator[ColumnElement[bool]]:
    if which.video_id:
        yield Job.video_id == which.video_id
    if which.search:
        named = func.lower(Video.name).contains(which.search.lower(), autoescape=True)
        yield Job.video_id.in_(select(Video.id).where(Video.user_id == user_id, named))
    if which.states:
        yield Job.state.in_(which.states)


def _holds(now: datetime) -> ColumnElement[bool]:
    """Of an API token."""
    return or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > now)


def _known_job(session: OrmSession, user_id: str, key: RequestKey) -> Job | None:
    """The job that a key led to. Raises IdempotencyMismatch when that was another request."""
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < utcnow() - timedelta(hours=LIFE_HOURS)))
    row = session.get(IdempotencyKey, (user_id, key.operation, key.key))
    if row is None:
        return None
    if row.fingerprint != key.fingerprint:
        raise IdempotencyMismatch("this Idempotency-Key was used for another request: take a new one")
    return session.get(Job, row.job_id)


T = TypeVar("T")


def _found(row: T | None, name: str) -> T:
    if row is None:
        raise NotFound(f"there is no such {name}")
    return row


def cursor_of(row: Video | Job | Delivery) -> str:
    """The cursor of what follows a row in a list, the newest first."""
    return f"{row.created_at.isoformat()}_{row.id}"


def parse_cursor(cursor: str) -> tuple[datetime, str]:
    """Time and id of the row that a cursor is of. Raises InvalidCursor."""
    created_at, _, row_id = cursor.partition("_")
    try:
        # A "+" of the zone that a client did not escape arrives as a blank.
        return msgspec.convert(created_at.replace(" ", "+"), datetime).astimezone(UTC), row_id
    except (msgspec.ValidationError, OverflowError):
        raise InvalidCursor("this is not a cursor of this list: take next_cursor as it was given") from None
