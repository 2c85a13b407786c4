"""The rows of recordings. The only place that changes their state."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from contracts.database.engine import Database
from contracts.database.stored_bytes import stored_bytes
from contracts.database.tables import Job, RecordedBytes, Recording, Stream, User, Video
from contracts.live.recordings import RecordingClosed, RecordingEnd, RecordingOpened, RecordingState
from contracts.live.streams import TICKS_PER_SECOND
from processor.recordings.kept import UNFILED, Kept, beyond
from processor.repository import note_end

# So many notes of a stream's bytes may be there before they are put into one.
_MOST_NOTES = 16
_NOTES_AT_ONCE = 1000


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
        statement = select(Recording).where(Recording.state.in_(UNFILED))
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
        """See `kept.beyond`."""
        with self._database.read() as session:
            return beyond(session, stream_id, before, most_bytes)

    def recorded_streams(self) -> list[tuple[Stream, datetime | None]]:
        """The streams that are recorded, each with when its oldest recording began."""
        oldest = select(func.min(Recording.started_at)).where(Recording.stream_id == Stream.id).scalar_subquery()
        recorded = select(Stream, oldest).where(Stream.record.is_not(None)).order_by(Stream.id)
        with self._database.read() as session:
            return [(row[0], row[1]) for row in session.execute(recorded)]

    def recorded_bytes(self) -> dict[str, int]:
        """The bytes of all ended recordings of each stream."""
        sums = select(RecordedBytes.stream_id, func.sum(RecordedBytes.bytes)).group_by(RecordedBytes.stream_id)
        with self._database.read() as session:
            return {row[0]: int(row[1]) for row in session.execute(sums)}

    def add_up(self) -> None:
        """Put the notes of a stream's bytes into one where they are many, or nothing is left of it."""
        many = or_(func.count() > _MOST_NOTES, func.sum(RecordedBytes.bytes) == 0)
        streams = select(RecordedBytes.stream_id).group_by(RecordedBytes.stream_id).having(many)
        with self._database.read() as session:
            found = session.scalars(streams).all()
        for stream_id in found:
            while self._add_up(stream_id):
                pass

    def _add_up(self, stream_id: str) -> bool:
        """The same of some notes of one stream; whether there may be more."""
        notes = select(RecordedBytes.id, RecordedBytes.bytes).where(RecordedBytes.stream_id == stream_id)
        # Locked: of two processes that do it, the second one finds none of them.
        some = notes.order_by(RecordedBytes.id).limit(_NOTES_AT_ONCE).with_for_update()
        with self._database.write() as session:
            found = session.execute(some).all()
            session.execute(delete(RecordedBytes).where(RecordedBytes.id.in_([note.id for note in found])))
            if left := sum(note.bytes for note in found):
                session.add(RecordedBytes(stream_id=stream_id, bytes=left))
        return len(found) == _NOTES_AT_ONCE

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
