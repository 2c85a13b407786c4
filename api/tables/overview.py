"""Counts over the rows of all users."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Engine, func, select

from contracts.database.engine import Database
from contracts.database.tables import REFUSED, Job, StoredBytes, Stream, Video
from contracts.wire.job_states import JobState

# Jobs that have not been planned: how many frames they look at is not known, but not more than their video has.
_UNPLANNED = [str(state) for state in (JobState.QUEUED, JobState.PLANNING)]
_PLANNED = [str(state) for state in (JobState.RUNNING, JobState.MERGING)]


class PlannedJob(NamedTuple):
    """A job that has chunks and has not ended."""

    id: str
    state: str
    frames: int
    chunks_sent: int


class Overview:
    """Each method is one short transaction."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def unplanned(self) -> dict[str, tuple[int, int]]:
        """By state: jobs that wait for their plan, and the frames of their videos."""
        frames = func.coalesce(func.sum(Video.media["frames"].as_integer()), 0)
        statement = select(Job.state, func.count(), frames).join(Video, Video.id == Job.video_id)
        with self._database.read() as session:
            rows = session.execute(statement.where(Job.state.in_(_UNPLANNED)).group_by(Job.state)).all()
            return {state: (jobs, int(found)) for state, jobs, found in rows}

    def planned(self) -> list[PlannedJob]:
        """The jobs that have a plan and have not ended."""
        columns = select(Job.id, Job.state, func.coalesce(Job.frames_total, 0), Job.chunks_sent)
        with self._database.read() as session:
            return [PlannedJob(*row) for row in session.execute(columns.where(Job.state.in_(_PLANNED)))]

    def streams(self) -> Sequence[Stream]:
        """All streams."""
        with self._database.read() as session:
            return list(session.scalars(select(Stream)))

    def stored_bytes(self) -> dict[str, int]:
        """Bytes of videos and renditions."""
        sums = select(func.sum(StoredBytes.videos), func.sum(StoredBytes.renditions))
        with self._database.read() as session:
            videos, renditions = session.execute(sums).one()
            refused = session.scalar(select(func.sum(Video.size_bytes)).where(REFUSED))
        return {"videos": int(videos or 0) - int(refused or 0), "renditions": int(renditions or 0)}
