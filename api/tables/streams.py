"""Live streams, as the api reads and changes them. Users see only their own."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine, bindparam, select

from api.access.quotas import Guard
from api.tables.queries import owned, page
from contracts.database.engine import Database
from contracts.database.tables import Stream, Video, utcnow
from contracts.errors import VideoRefused

# What ingest and detectors do not see: a change of it alone publishes nothing.
_UNPUBLISHED = frozenset({"name", "address", "stopped_at"})
# Asked once a second while anybody watches: to build it costs as much as its answer.
_BY_IDS = select(Stream).where(Stream.id.in_(bindparam("ids", expanding=True)))


class StreamTable:
    """Each method is one short transaction and returns detached rows."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def add(self, stream: Stream, guard: Guard) -> Stream:
        """Add a stream; without a name, that of its video. Raises NotFound and VideoRefused for its video, and what
        the guard raises."""
        with self._database.write() as session:
            if stream.video_id is not None:
                video = owned(session, Video, stream.user_id, stream.video_id, "video")
                if video.refused:
                    raise VideoRefused(video.refused)
                stream.name = stream.name or video.name or ""
            stream.name = stream.name or stream.kind
            guard(session)
            session.add(stream)
        return stream

    def get(self, user_id: str, stream_id: str) -> Stream:
        """A user's stream. Raises NotFound."""
        with self._database.read() as session:
            return owned(session, Stream, user_id, stream_id, "stream")

    def find(self, stream_id: str) -> Stream | None:
        """A stream of any user, None when it has been deleted."""
        with self._database.read() as session:
            return session.get(Stream, stream_id)

    def by_ids(self, stream_ids: Sequence[str]) -> list[Stream]:
        """Streams of any users, without those that have been deleted."""
        with self._database.read() as session:
            return list(session.scalars(_BY_IDS, {"ids": stream_ids}))

    def page(self, user_id: str, limit: int, cursor: str | None) -> tuple[list[Stream], str | None]:
        """A page of a user's streams, newest first, and the cursor of the next page."""
        mine = select(Stream).where(Stream.user_id == user_id)
        with self._database.read() as session:
            return page(session, mine, Stream.created_at, limit, cursor)

    def change(
        self, user_id: str, stream_id: str, values_of: Callable[[Stream], dict[str, Any]]
    ) -> tuple[Stream, frozenset[str]]:
        """Change a stream; the revision grows when something that is published changes. Returns the row and the names
        of the columns that changed.

        values_of: the new values by column, given the current row. Raises NotFound, and what it raises.
        """
        with self._database.write() as session:
            session.get(Stream, stream_id, with_for_update=True)  # row lock, so that changes come one after the other
            row = owned(session, Stream, user_id, stream_id, "stream")
            values = values_of(row)
            changed = frozenset(name for name, value in values.items() if getattr(row, name) != value)
            for name in changed:
                setattr(row, name, values[name])
            if changed - _UNPUBLISHED:
                row.revision += 1
            return row, changed

    def stop_all(self, user_id: str) -> list[str]:
        """Stop the running streams of a user. Returns their ids."""
        running = select(Stream).where(Stream.user_id == user_id, Stream.wanted == "running").with_for_update()
        with self._database.write() as session:
            rows = list(session.scalars(running))
            for row in rows:
                row.wanted, row.stopped_at, row.revision = "stopped", utcnow(), row.revision + 1
            return [row.id for row in rows]

    def delete(self, user_id: str, stream_id: str) -> None:
        """Delete a stream. Raises NotFound."""
        with self._database.write() as session:
            session.delete(owned(session, Stream, user_id, stream_id, "stream"))
