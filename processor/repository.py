"""The processor's view of the tables. Only here does a job's state move."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session, sessionmaker

from contracts.messages import Media, to_json
from contracts.states import ACTIVE, TERMINAL, JobState, sources
from contracts.tables import Job, Video, utcnow


class Repository:
    """Reads and moves in transactions of their own, so that none is held during long work."""

    def __init__(self, engine: Engine) -> None:
        self._sessions = sessionmaker(engine, expire_on_commit=False)

    def job(self, job_id: str) -> Job | None:
        """The job, or None after it was deleted."""
        with self._sessions() as session:
            return session.get(Job, job_id)

    def video(self, video_id: str) -> Video | None:
        """The video, or None after it was deleted."""
        with self._sessions() as session:
            return session.get(Video, video_id)

    def move(self, job_id: str, target: JobState, **values: Any) -> bool:
        """Move a job to a state, if it is in one that leads there; False when it is not."""
        if target is JobState.PLANNING:
            values["started_at"] = utcnow()
        if target in TERMINAL:
            values["finished_at"] = utcnow()
        statement = (
            update(Job)
            .where(Job.id == job_id, Job.state.in_([str(state) for state in sources(target)]))
            .values(state=str(target), **values)
        )
        with self._transaction() as session:
            return session.execute(statement).rowcount == 1  # type: ignore[attr-defined,no-any-return]

    def probed(self, video_id: str, media: Media | None, refused: str | None) -> bool:
        """Note what the probe found; False when the video is gone."""
        values = {"media": to_json(media) if media else None, "refused": refused}
        with self._transaction() as session:
            result = session.execute(update(Video).where(Video.id == video_id).values(**values))
            return result.rowcount == 1  # type: ignore[attr-defined,no-any-return]

    def active_jobs(self) -> list[Job]:
        """The jobs that have not ended, the oldest first."""
        statement = select(Job).where(Job.state.in_([str(state) for state in ACTIVE])).order_by(Job.created_at)
        with self._sessions() as session:
            return list(session.scalars(statement))

    def unprobed_videos(self, before: datetime) -> list[str]:
        """Videos that came before a time and were never probed."""
        statement = select(Video.id).where(Video.media.is_(None), Video.refused.is_(None), Video.created_at < before)
        with self._sessions() as session:
            return list(session.scalars(statement))

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with self._sessions() as session, session.begin():
            yield session
