"""Renditions, as the api requests, reads and deletes them; the renderer makes them. Users see only their own."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.access.quotas import Guard
from api.tables.queries import MOST_CHANGES, found, in_states_or_changed, owned, page, ready_posters
from contracts.database.changes import note_video_change
from contracts.database.engine import Database
from contracts.database.tables import ReelVideo, Rendition, Video, utcnow
from contracts.errors import NotFound
from contracts.wire.renditions import CLIP, REEL, RenditionState, rendition_id

# Id, user, video, job, and the time of the last change.
ChangedRendition = Row[str, str, str, str | None, datetime | None]


@dataclass(frozen=True, slots=True)
class WantedRendition:
    """A rendition that is requested. job_id: for an annotated copy only. about_bytes: an estimate of its size, where it
    counts against the quota."""

    id: str
    user_id: str
    video_id: str
    job_id: str | None
    kind: str
    options: dict[str, Any]
    about_bytes: int | None = None


def of_kind(
    user_id: str, video_id: str, job_id: str | None, kind: str, options: dict[str, Any] | None = None
) -> WantedRendition:
    """A rendition of which a video or a job has one. Raises NotFound for a malformed id."""
    return WantedRendition(rendition_id(video_id, job_id, kind), user_id, video_id, job_id, kind, options or {})


def _unlimited(_: Session) -> None:
    """There is one of each kind."""


class RenditionTable:
    """Each method is one short transaction and returns detached rows."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def ask(self, wanted: WantedRendition, guard: Guard = _unlimited) -> tuple[Rendition, bool]:
        """Request a rendition of a user's video or job. Returns it and whether it must be made: because it is new, the
        last attempt failed, or the options changed. guard: called before it is to be made; raises what it raises.
        Raises NotFound when the video has been deleted meanwhile."""
        with suppress(IntegrityError):
            return self._ask(wanted, guard)
        try:
            # A concurrent request for the same rendition: its row exists now.
            return self._ask(wanted, guard)
        except IntegrityError as error:
            raise NotFound("the video has been deleted") from error

    def _ask(self, wanted: WantedRendition, guard: Guard) -> tuple[Rendition, bool]:
        with self._database.write() as session:
            row = session.get(Rendition, wanted.id)
            if row is not None and row.options == wanted.options and row.state != RenditionState.FAILED:
                return row, False
            guard(session)
            _note_poster(session, wanted)
            if row is None:
                row = Rendition(
                    id=wanted.id,
                    user_id=wanted.user_id,
                    video_id=wanted.video_id,
                    job_id=wanted.job_id,
                    kind=wanted.kind,
                )
                session.add(row)
            # A renderer that still works on the previous one sees by created_at that it is outdated.
            row.state, row.options, row.created_at = str(RenditionState.QUEUED), wanted.options, utcnow()
            row.frames_done, row.frames_total, row.size_bytes = 0, None, wanted.about_bytes
            row.content_type, row.error, row.finished_at = None, None, None
            return row, True

    def get(self, user_id: str, row_id: str) -> Rendition:
        """A user's rendition. Raises NotFound."""
        with self._database.read() as session:
            return owned(session, Rendition, user_id, row_id, "rendition: ask for it with PUT")

    def delete(self, user_id: str, row_id: str) -> Rendition:
        """Delete a user's rendition. Raises NotFound."""
        row = self.get(user_id, row_id)
        with self._database.write() as session:
            _note_poster(session, row)
            session.execute(delete(Rendition).where(Rendition.id == row_id))
        return row

    def clip(self, user_id: str, video_id: str, clip_id: str) -> Rendition:
        """A clip of a user's video. Raises NotFound."""
        with self._database.read() as session:
            row = session.get(Rendition, clip_id)
            known = row is not None and (row.user_id, row.video_id, row.kind) == (user_id, video_id, CLIP)
            return found(row if known else None, "clip")

    def clips(self, user_id: str, video_id: str, limit: int, cursor: str | None) -> tuple[list[Rendition], str | None]:
        """A page of the clips of a user's video, newest first, and the cursor of the next page. Raises NotFound,
        InvalidCursor."""
        statement = select(Rendition).where(Rendition.video_id == video_id, Rendition.kind == CLIP)
        with self._database.read() as session:
            owned(session, Video, user_id, video_id, "video")
            return page(session, statement, Rendition.created_at, limit, cursor)

    def add_reel(
        self, wanted: WantedRendition, expires_at: datetime, videos: Collection[str], guard: Guard
    ) -> Rendition:
        """Request a reel of a user's videos. Raises what the guard raises, and NotFound when one of them has been
        deleted meanwhile."""
        row = Rendition(
            id=wanted.id,
            user_id=wanted.user_id,
            video_id=wanted.video_id,
            kind=wanted.kind,
            options=wanted.options,
            size_bytes=wanted.about_bytes,
            expires_at=expires_at,
            state=str(RenditionState.QUEUED),
            created_at=utcnow(),
        )
        try:
            with self._database.write() as session:
                guard(session)
                session.add(row)
                session.flush()
                session.add_all([ReelVideo(reel_id=row.id, video_id=video_id) for video_id in videos])
        except IntegrityError as error:
            raise NotFound("one of the videos has been deleted") from error
        return row

    def reel(self, user_id: str, reel_id: str) -> Rendition:
        """A user's reel. Raises NotFound."""
        with self._database.read() as session:
            row = owned(session, Rendition, user_id, reel_id, "reel")
            return found(row if row.kind == REEL else None, "reel")

    def reels(self, user_id: str, limit: int, cursor: str | None) -> tuple[list[Rendition], str | None]:
        """A page of a user's reels, newest first, and the cursor of the next page. Raises InvalidCursor."""
        statement = select(Rendition).where(Rendition.user_id == user_id, Rendition.kind == REEL)
        with self._database.read() as session:
            return page(session, statement, Rendition.created_at, limit, cursor)

    def ready_posters(self, video_ids: Sequence[str]) -> frozenset[str]:
        """The ids of those videos that have a poster."""
        with self._database.read() as session:
            return ready_posters(session, video_ids)

    def by_ids(self, ids: Sequence[str]) -> list[Rendition]:
        """The renditions of these ids, without deleted ones."""
        with self._database.read() as session:
            return list(session.scalars(select(Rendition).where(Rendition.id.in_(ids))))

    def changed(self, user_ids: Sequence[str], since: datetime, states: Collection[str]) -> Sequence[ChangedRendition]:
        """What identifies the renditions of these users that are in one of the states, or changed since then: running
        ones first, oldest first, at most MOST_CHANGES."""
        columns = (Rendition.id, Rendition.user_id, Rendition.video_id, Rendition.job_id, Rendition.changed_at)
        order = (Rendition.state == str(RenditionState.QUEUED), Rendition.created_at, Rendition.id)
        statement = select(*columns).where(Rendition.id.in_(in_states_or_changed(Rendition, states, since)))
        # `+ ""` disables the index on user_id: a user may have many renditions, but few have changed.
        statement = statement.where((Rendition.user_id + "").in_(user_ids)).order_by(*order).limit(MOST_CHANGES)
        with self._database.read() as session:
            return session.execute(statement).all()


def _note_poster(session: Session, row: Rendition | WantedRendition) -> None:
    """Call before its row is changed: see contracts.database.deletion."""
    if row.kind == "poster":
        note_video_change(session, row.video_id)
