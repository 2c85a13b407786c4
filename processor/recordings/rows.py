"""The rows of recordings. The only place that changes their state."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, and_, func, select, update
from sqlalchemy.exc import IntegrityError

from contracts.database.engine import Database
from contracts.database.stored_bytes import stored_bytes
from contracts.database.tables import Job, Recording, Stream, User, Video
from contracts.live.recordings import RecordingClosed, RecordingEnd, RecordingOpened, RecordingState
from contracts.live.streams import TICKS_PER_SECOND
from processor.repository import note_end

_UNFILED = [str(RecordingState.OPEN), str(RecordingState.CLOSED)]
# When a recording ended.
_SINCE = func.coalesce(Recording.ended_at, Recording.started_at)


@dataclass(frozen=True, slots=True)
class Kept:
    """An ended recording. video_id: None for one that failed. since: when it ended."""

    id: str
    source_id: str
    video_id: str | None
    since: datetime
    size_bytes: int


class RecordingRows:
    """Each method runs in its own short transaction."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def get(self, recording_id: str) -> Recording | None:
        """The recording, or None after it was deleted."""
        with self._database.read() as session:
            return session.get(Recording, recording_id)

    def open(self, message: RecordingOpened) -> None:
        """Add a recording, unless it is there or its user is gone."""
        try:
            with self._database.write() as session:
                # Row locks until it is inserted, so that a concurrent deletion includes it.
                user = session.get(User, message.user_id, with_for_update={"read": True, "key_share": True})
                stream = session.get(Stream, message.stream_id, with_for_update={"read": True, "key_share": True})
                if user is not None and session.get(Recording, message.id) is None:
                    session.add(
                        Recording(
                            id=message.id,
                            stream_id=stream.id if stream else None,
                            source_id=message.stream_id,
                            user_id=user.id,
                            state=str(RecordingState.OPEN),
                            start=message.start,
                            started_at=datetime.fromtimestamp(message.started_at, UTC),
                            instance=message.instance,
                        )
                    )
        except IntegrityError:  # the same message at the same time
            return

    def close(self, message: RecordingClosed) -> None:
        """Close an open recording with what is known of it."""
        with self._database.write() as session:
            row = session.get(Recording, message.id, with_for_update=True)
            if row is None or row.state != RecordingState.OPEN:
                return
            row.state, row.reason = str(RecordingState.CLOSED), str(message.reason)
            row.size_bytes = message.size_bytes
            if message.end:  # else it is not known, until the file is read
                row.end, row.frames, row.ended_at = message.end, message.frames, at(row, message.end)

    def close_lost(self, recording_id: str) -> bool:
        """Close an open recording whose ingest is gone."""
        reason = str(RecordingEnd.INGEST_LOST)
        return self._change(recording_id, RecordingState.OPEN, RecordingState.CLOSED, reason=reason)

    def add_video(self, recording: Recording, video: Video, **facts: Any) -> bool:
        """Add the video of a closed recording; False when the recording was deleted. facts: of the recording, known
        from its file."""
        with self._database.write() as session:
            row = session.get(Recording, recording.id, with_for_update=True)
            if row is None:
                return False
            if row.video_id is None:
                session.add(video)
                session.flush()
                row.video_id = video.id
            for name, value in facts.items():
                setattr(row, name, value)
            return True

    def file(self, recording: Recording, job: Job | None, dropped: dict[str, int]) -> bool:
        """End a recording with its job, and write the job's webhook deliveries; False when its video was deleted."""
        with self._database.write() as session:
            if job is not None:  # locked before the recording, which a deletion of the video locks after it
                session.get(Video, job.video_id, with_for_update={"read": True, "key_share": True})
            row = session.get(Recording, recording.id, with_for_update=True)
            if row is None or row.state != RecordingState.CLOSED:
                return False
            if job is not None:
                session.add(job)
                session.flush()
                note_end(session, job.id)
                row.job_id = job.id
            row.state, row.dropped, row.error = str(RecordingState.FILED), dropped, None
            return True

    def fail(self, recording_id: str, error: dict[str, str], size_bytes: int) -> None:
        """End a recording that cannot be filed. size_bytes: of what was written of it and is kept."""
        values = {"error": error, "size_bytes": size_bytes}
        self._change(recording_id, RecordingState.CLOSED, RecordingState.FAILED, **values)

    def note_error(self, recording_id: str, error: dict[str, str]) -> None:
        """Record what delays the filing of a recording."""
        self._change(recording_id, RecordingState.CLOSED, RecordingState.CLOSED, error=error)

    def unfiled(self) -> list[Recording]:
        """Recordings that are open or closed, oldest first."""
        statement = select(Recording).where(Recording.state.in_(_UNFILED))
        with self._database.read() as session:
            return list(session.scalars(statement.order_by(Recording.started_at, Recording.id)))

    def stream(self, stream_id: str | None) -> Stream | None:
        """A stream, None after it was deleted."""
        with self._database.read() as session:
            return session.get(Stream, stream_id) if stream_id else None

    def streams(self) -> list[Stream]:
        """All streams."""
        with self._database.read() as session:
            return list(session.scalars(select(Stream).order_by(Stream.id)))

    def quotas(self) -> dict[str, dict[str, Any] | None]:
        """The own quotas of each user who has a stream."""
        owners = select(User.id, User.quotas).where(User.id.in_(select(Stream.user_id)))
        with self._database.read() as session:
            return {row.id: row.quotas for row in session.execute(owners)}

    def stored_bytes(self, user_id: str) -> int:
        """What the quota of stored bytes counts of a user."""
        with self._database.read() as session:
            return stored_bytes(session, user_id)

    def beyond(self, stream_id: str, before: datetime | None, most_bytes: int | None) -> list[Kept]:
        """The ended recordings of a stream that are beyond its retention, the oldest first: those that ended before a
        time, and those whose bytes are, with those of all newer ones, more than so many. By bytes, the newest stays
        whatever its size."""
        ended = (Recording.stream_id == stream_id, Recording.state.not_in(_UNFILED))
        size = func.coalesce(Video.size_bytes, Recording.size_bytes, 0).label("size_bytes")
        found = select(Recording.id, Recording.source_id, Recording.video_id, _SINCE.label("since"), size)
        found = found.outerjoin(Video, Video.id == Recording.video_id).where(*ended)
        if most_bytes is None:
            # By when they began, too: of that there is an index.
            old = (Recording.started_at < before, before > _SINCE)
            wanted = found.where(*old).order_by(Recording.started_at, Recording.id)
        else:
            newest = (Recording.started_at.desc(), Recording.id.desc())
            place, stored = func.row_number().over(order_by=newest), func.sum(size).over(order_by=newest)
            ranked = found.add_columns(place.label("place"), stored.label("stored")).subquery()
            much = and_(ranked.c.stored > most_bytes, ranked.c.place > 1)
            columns = [ranked.c[name] for name in Kept.__dataclass_fields__]
            wanted = select(*columns).where(much if before is None else much | (ranked.c.since < before))
            wanted = wanted.order_by(ranked.c.place.desc())
        with self._database.read() as session:
            return [Kept(*row) for row in session.execute(wanted)]

    def delete(self, recording_id: str) -> None:
        """Delete a recording that has no video."""
        with self._database.write() as session:
            row = session.get(Recording, recording_id, with_for_update=True)
            if row is not None and row.video_id is None:
                session.delete(row)

    def _change(self, recording_id: str, before: RecordingState, after: RecordingState, **values: Any) -> bool:
        statement = update(Recording).where(Recording.id == recording_id, Recording.state == str(before))
        with self._database.write() as session:
            result = session.execute(statement.values(state=str(after), **values))
            return result.rowcount == 1  # type: ignore[attr-defined,no-any-return]


def at(recording: Recording, ticks: int) -> datetime:
    """The wall clock at a time of the stream clock in a recording."""
    return recording.started_at + timedelta(seconds=(ticks - recording.start) / TICKS_PER_SECOND)
