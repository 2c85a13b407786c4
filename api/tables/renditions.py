"""The api's view of the renditions: asked for, looked at, deleted by their owner. The processor makes them."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, or_, select
from sqlalchemy.exc import IntegrityError

from api.tables.queries import owned
from contracts.database.engine import Database
from contracts.database.tables import Rendition, utcnow
from contracts.errors import NotFound
from contracts.wire.renditions import RenditionState, rendition_id

_MOST_CHANGES = 10_000


class RenditionTable:
    """Short transactions; what it returns is detached from them."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def ask(
        self, user_id: str, video_id: str, job_id: str | None, kind: str, options: dict[str, Any]
    ) -> tuple[Rendition, bool]:
        """The rendition of a user's video or job, and whether it is to be made (anew): because there was none, the
        last try failed, or the options are others. Raises NotFound when the video was deleted meanwhile."""
        with suppress(IntegrityError):
            return self._ask(user_id, video_id, job_id, kind, options)
        try:
            # Asked for twice at the same moment: now the other one's is there.
            return self._ask(user_id, video_id, job_id, kind, options)
        except IntegrityError as error:
            raise NotFound("the video was deleted") from error

    def _ask(
        self, user_id: str, video_id: str, job_id: str | None, kind: str, options: dict[str, Any]
    ) -> tuple[Rendition, bool]:
        with self._database.write() as session:
            row = session.get(Rendition, rendition_id(video_id, job_id, kind))
            if row is not None and row.options == options and row.state != RenditionState.FAILED:
                return row, False
            if row is None:
                row = Rendition(
                    id=rendition_id(video_id, job_id, kind),
                    user_id=user_id,
                    video_id=video_id,
                    job_id=job_id,
                    kind=kind,
                )
                session.add(row)
            # Whoever is at the one before sees by the time that it is not wanted any more.
            row.state, row.options, row.created_at = str(RenditionState.QUEUED), options, utcnow()
            row.frames_done, row.frames_total, row.size_bytes = 0, None, None
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
            session.execute(delete(Rendition).where(Rendition.id == row_id))
        return row

    def ready_posters(self, video_ids: Sequence[str]) -> frozenset[str]:
        """Those of the videos that have a poster."""
        posters = [rendition_id(video_id, None, "poster") for video_id in video_ids]
        statement = select(Rendition.video_id).where(
            Rendition.id.in_(posters), Rendition.state == str(RenditionState.READY)
        )
        with self._database.read() as session:
            return frozenset(session.scalars(statement))

    def changed(self, user_ids: Sequence[str], since: datetime) -> list[Rendition]:
        """Renditions for these users that are at work or ended since then; not too many of them."""
        changed = or_(Rendition.state.in_(("queued", "running")), Rendition.finished_at > since)
        statement = select(Rendition).where(Rendition.user_id.in_(user_ids), changed)
        with self._database.read() as session:
            return list(session.scalars(statement.order_by(Rendition.created_at.desc()).limit(_MOST_CHANGES)))[::-1]
