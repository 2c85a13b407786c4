"""Recordings of streams, as the api reads them. Only the processor changes them."""

from sqlalchemy import Engine, select

from api.tables.queries import owned, page
from contracts.database.engine import Database
from contracts.database.tables import Recording, Stream


class RecordingTable:
    """Each method is one short transaction and returns detached rows."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def page(self, user_id: str, stream_id: str, limit: int, cursor: str | None) -> tuple[list[Recording], str | None]:
        """A page of the recordings of a user's stream, newest first, and the cursor of the next page. Raises NotFound,
        InvalidCursor."""
        with self._database.read() as session:
            stream = owned(session, Stream, user_id, stream_id, "stream")
            of_it = select(Recording).where(Recording.stream_id == stream.id)
            return page(session, of_it, Recording.started_at, limit, cursor)
