"""The tables as operators see them: everybody's videos and jobs, and what may go."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from contracts.tables import Job, Video

_PAGE = 500


class Inventory:
    """Reads and deletes in transactions of their own, so that none is held during long work."""

    def __init__(self, engine: Engine) -> None:
        self._sessions = sessionmaker(engine, expire_on_commit=False)

    def job(self, job_id: str) -> tuple[Job, Video] | None:
        """A job and its video; None when there is no such job."""
        with self._sessions() as session:
            job = session.get(Job, job_id)
            video = session.get(Video, job.video_id) if job else None
            return (job, video) if job and video else None

    def jobs(self) -> Iterator[tuple[Job, Video]]:
        """All jobs with their videos, those of one video one after the other."""
        after = ("", "")
        while True:
            later = (Job.video_id > after[0]) | ((Job.video_id == after[0]) & (Job.id > after[1]))
            with self._sessions() as session:
                statement = select(Job, Video).join(Video, Video.id == Job.video_id).where(later)
                rows = [row._tuple() for row in session.execute(statement.order_by(Job.video_id, Job.id).limit(_PAGE))]
            if not rows:
                return
            yield from rows
            after = (rows[-1][0].video_id, rows[-1][0].id)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with self._sessions() as session, session.begin():
            yield session
