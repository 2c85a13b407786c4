"""Quotas of users: stored bytes, active jobs, frames per day, live streams."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import redis
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from api.requests.size_limit import SizeLimit
from contracts.coordination.quotas import Quotas, frames_key, next_day, quotas_of
from contracts.database.engine import Database
from contracts.database.stored_bytes import stored_bytes
from contracts.database.tables import Job, Rendition, Stream, User, utcnow
from contracts.errors import (
    Conflict,
    FramesUsedUp,
    StorageUsedUp,
    StreamQuotaReached,
    TooManyClips,
    TooManyJobs,
    TooManyReels,
    Unavailable,
)
from contracts.settings.table import Settings
from contracts.wire.job_states import ACTIVE
from contracts.wire.renditions import CLIP, REEL

# Called in the transaction that adds something, with the user's row locked, so that concurrent requests cannot exceed
# the quota. Raises when the quota is used up.
Guard = Callable[[Session], None]
_ACTIVE = [str(state) for state in ACTIVE]
_JOBS_RETRY_SECONDS = 30
CLIPS_PER_USER = 500
REELS_PER_USER = 50


class UserQuotas:
    """Reads and enforces the quotas of users."""

    def __init__(self, settings: Settings, engine: Engine, client: "redis.Redis") -> None:
        self._settings = settings
        self._database = Database(engine)
        self._redis = client

    def described(self, user: User) -> dict[str, Any]:
        """A user's quotas (None: unlimited) and their current use."""
        quotas = quotas_of(self._settings, user.quotas)
        with self._database.read() as session:
            used = {
                "stored_bytes": stored_bytes(session, user.id),
                "active_jobs": _active(session, user.id),
                "frames_per_day": self._frames(user.id, utcnow()),
                "streams": _streams(session, user.id),
            }
        limits = {name: limit or None for name, limit in msgspec.structs.asdict(quotas).items()}
        return {name: {"limit": limits[name], "used": used[name]} for name in used}

    def is_full(self, user_id: str) -> bool:
        """Whether a user's stored bytes are used up."""
        with self._database.read() as session:
            most = self._of(session, user_id).stored_bytes
            return bool(most) and not _left(session, user_id, most)

    def size_limit(self, user_id: str) -> SizeLimit:
        """The size limit of a user's next file."""
        general = SizeLimit(self._settings.upload_max_bytes)
        with self._database.read() as session:
            most = self._of(session, user_id).stored_bytes
            left = _left(session, user_id, most) if most else general.bytes
        return SizeLimit(left, most) if left < general.bytes else general

    def guard_bytes(self, user_id: str, more: int) -> Guard:
        """A guard for that many more bytes; it raises StorageUsedUp."""

        def guard(session: Session) -> None:
            most = self._of(session, user_id, hold=True).stored_bytes
            if most and more > (left := _left(session, user_id, most)):
                raise SizeLimit(left, most).refusal()

        return guard

    def guard_clip(self, user_id: str, clip_id: str, more: int) -> Guard:
        """A guard for making a clip of about so many bytes; it raises TooManyClips, StorageUsedUp."""
        return self._guard_made(user_id, clip_id, more, CLIP, TooManyClips, CLIPS_PER_USER)

    def guard_reel(self, user_id: str, reel_id: str, more: int) -> Guard:
        """A guard for making a reel of about so many bytes; it raises TooManyReels, StorageUsedUp."""
        return self._guard_made(user_id, reel_id, more, REEL, TooManyReels, REELS_PER_USER)

    def _guard_made(self, user_id: str, row_id: str, more: int, kind: str, refusal: type[Conflict], most: int) -> Guard:
        def guard(session: Session) -> None:
            session.get(User, user_id, with_for_update=True)  # as in _of
            if _others(session, user_id, kind, row_id) >= most:
                raise refusal(f"you have {most} {kind}s, the maximum: delete one that is not needed")
            quota = self._of(session, user_id).stored_bytes
            if quota and more > (left := _left(session, user_id, quota)):
                raise StorageUsedUp(
                    f"the {kind} takes about {more} bytes; your quota is {quota} bytes, of which {left} are free:"
                    f" delete videos, clips, reels or streams with failed recordings, or ask for a shorter {kind}"
                )

        return guard

    def guard_job(self, user_id: str) -> Guard:
        """A guard for one more job; it raises TooManyJobs, FramesUsedUp."""

        def guard(session: Session) -> None:
            quotas = self._of(session, user_id, hold=True)
            if quotas.active_jobs and _active(session, user_id) >= quotas.active_jobs:
                raise TooManyJobs(
                    f"you have {quotas.active_jobs} active jobs, the maximum: wait until one has ended, or cancel one",
                    _JOBS_RETRY_SECONDS,
                )
            now = utcnow()
            if quotas.frames_per_day and self._frames(user_id, now) >= quotas.frames_per_day:
                raise FramesUsedUp(
                    f"your jobs have processed {quotas.frames_per_day} frames today, the maximum: try again tomorrow "
                    "(UTC)",
                    int((next_day(now) - now).total_seconds()),
                )

        return guard

    def guard_stream(self, user_id: str) -> Guard:
        """A guard for one more live stream; it raises StreamQuotaReached."""

        def guard(session: Session) -> None:
            most = self._of(session, user_id, hold=True).streams
            if most and _streams(session, user_id) >= most:
                raise StreamQuotaReached(f"you have {most} live streams, the maximum: delete one that is not needed")

        return guard

    def _of(self, session: Session, user_id: str, *, hold: bool = False) -> Quotas:
        user = session.get(User, user_id)
        quotas = quotas_of(self._settings, user.quotas if user else None)
        if hold and (quotas.stored_bytes or quotas.active_jobs or quotas.streams):
            session.get(
                User, user_id, with_for_update=True
            )  # row lock, so that concurrent requests cannot exceed the quota
        return quotas

    def _frames(self, user_id: str, now: datetime) -> int:
        try:
            return sum(int(count) for count in self._redis.hvals(frames_key(user_id, now)))
        except redis.RedisError as error:
            raise Unavailable(f"cannot read the frame quota from Redis, try again later: {error!r}") from error


def _left(session: Session, user_id: str, most: int) -> int:
    return max(most - stored_bytes(session, user_id), 0)


def _others(session: Session, user_id: str, kind: str, row_id: str) -> int:
    """How many renditions of the kind the user has, without the one of that id, which may be made again."""
    count = select(func.count()).select_from(Rendition).where(Rendition.user_id == user_id, Rendition.kind == kind)
    return session.scalars(count.where(Rendition.id != row_id)).one()


def _streams(session: Session, user_id: str) -> int:
    return session.scalars(select(func.count()).select_from(Stream).where(Stream.user_id == user_id)).one()


def _active(session: Session, user_id: str) -> int:
    count = select(func.count()).select_from(Job).where(Job.user_id == user_id, Job.state.in_(_ACTIVE))
    return session.scalars(count).one()
