"""The column `tracks` of jobs."""

from typing import Any

from sqlalchemy import Engine, select, update

from contracts.database.engine import Database
from contracts.database.tables import TRACKS_QUEUED, UNTRACKED, Job
from contracts.results.tracks import TracksState, TracksStep
from contracts.wire.job_states import TERMINAL
from contracts.wire.messages import from_json, to_json

_LATEST = (Job.finished_at.desc(), Job.id.desc())


class TrackRows:
    """Each method runs in its own short transaction."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def queued(self, limit: int) -> list[str]:
        """The jobs whose tracks are to be made, the one that ended last first."""
        statement = select(Job.id).where(TRACKS_QUEUED).order_by(*_LATEST)
        with self._database.read() as session:
            return list(session.scalars(statement.limit(limit)))

    def queue_older(self, most: int) -> int:
        """Queue jobs that ended before jobs were tracked, until so many are queued, the one that ended last first.
        Returns how many there were."""
        ended = [str(state) for state in TERMINAL]
        # `+ ""` disables the index on state: most jobs have ended, but few are untracked.
        statement = select(Job.id).where(UNTRACKED, (Job.state + "").in_(ended)).order_by(*_LATEST)
        with self._database.read() as session:
            waiting = len(session.scalars(select(Job.id).where(TRACKS_QUEUED).limit(most)).all())
            older = list(session.scalars(statement.limit(most - waiting)))
        if older:  # most of the time there are none, and nobody waits for a lock
            queued = update(Job).where(Job.id.in_(older), Job.tracks.is_(None))
            with self._database.write() as session:
                session.execute(queued.values(tracks=to_json(TracksState(TracksStep.QUEUED))))
        return len(older)

    def settle(self, job_id: str, before: dict[str, Any], after: TracksState) -> bool:
        """Replace the state of a job's tracks; False when it is another one by now, or the job was deleted."""
        with self._database.write() as session:
            job = session.get(Job, job_id, with_for_update=True)
            if job is None or job.tracks != before:
                return False
            job.tracks = to_json(after)
            return True


def queued_state(job: Job) -> TracksState | None:
    """What is to be made of a job, None for nothing."""
    state = from_json(job.tracks, TracksState) if job.tracks else None
    return state if state is not None and state.state is TracksStep.QUEUED else None
