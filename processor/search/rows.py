"""The rows of tracks that can be searched, written and removed in short transactions, so that nobody waits long."""

import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Engine, Select, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from contracts.database.engine import Database
from contracts.database.removing import remove_tracks
from contracts.database.tables import IndexedJob, IndexedTrack, Job, SearchTerm, UnindexedJob, Video
from contracts.results.tracks import TracksStep

_ROWS = 500
_LOOKED_AT = 500
# Between two transactions: others that wait for SQLite's lock ask for it now and then.
_PAUSE_SECONDS = 0.005


class SearchRows:
    """Each method runs in one or more short transactions."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def terms(self, user_id: str, kind: str, texts: Iterable[str]) -> dict[str, int]:
        """The numbers of a user's terms; those that are new are added."""
        wanted = set(texts)
        found = self._terms(user_id, kind, wanted)
        for text in sorted(wanted - found.keys()):
            try:
                with self._database.write() as session:
                    session.add(SearchTerm(user_id=user_id, kind=kind, text=text))
            except IntegrityError:  # another process adds it
                continue
        return found if found.keys() == wanted else self._terms(user_id, kind, wanted)

    def begin(self, job: Job, source: int | None) -> int:
        """Add an indexed job whose tracks are to be written; returns its id. Raises IntegrityError when the job is
        gone."""
        with self._database.write() as session:
            row = IndexedJob(user_id=job.user_id, job_id=job.id, tracks=0, ready=False, source=source)
            session.add(row)
            session.flush()
            return row.id

    def write(self, indexed_id: int, rows: Iterator[dict[str, Any]]) -> None:
        """Write the tracks of an indexed job. Raises IntegrityError when it is gone."""
        while bite := [{**row, "indexed_job_id": indexed_id} for row in islice(rows, _ROWS)]:
            with self._database.write() as session:
                session.execute(insert(IndexedTrack), bite)
            time.sleep(_PAUSE_SECONDS)

    def finish(self, job_id: str, indexed_id: int, **values: Any) -> bool:
        """Show the tracks of an indexed job in place of earlier ones of the same job, and remove these. False
        where it is gone, or there are later ones."""
        with self._database.write() as session:
            # Locked in one order, whoever else finishes at the same time.
            mine = select(IndexedJob.id).where(IndexedJob.job_id == job_id).order_by(IndexedJob.id)
            *earlier, newest = list(session.scalars(mine.with_for_update())) or [0]
            if newest != indexed_id:
                return False
            session.execute(update(IndexedJob).where(IndexedJob.id.in_(earlier)).values(ready=False))
            session.execute(update(IndexedJob).where(IndexedJob.id == indexed_id).values(ready=True, **values))
        for replaced in earlier:
            self.remove(replaced)
        return True

    def remove(self, indexed_id: int) -> None:
        """Remove an indexed job with its tracks."""
        mine = IndexedJob.id == indexed_id
        remove_tracks(self._database, select(IndexedJob.id).where(mine))
        with self._database.write() as session:
            session.execute(delete(IndexedJob).where(mine))

    def with_tracks(self, after: str, *, indexed: bool) -> tuple[list[tuple[Job, Video]], str | None]:
        """Those jobs whose tracks are stored, of some jobs in the order of their ids, and the id of the last of these,
        None at the end. after: an id before these. indexed: those that can be searched too."""
        some = select(Job.id).where(Job.id > after).order_by(Job.id)
        statement = _tracked(indexed=indexed).where(Job.id > after).order_by(Job.id)
        with self._database.read() as session:
            last = session.scalar(some.offset(_LOOKED_AT - 1).limit(1))
            if last is not None:
                statement = statement.where(Job.id <= last)
            return [(row.Job, row.Video) for row in session.execute(statement)], last

    def unindexed(self, after: str) -> tuple[list[tuple[Job, Video]], str | None]:
        """The same of the jobs that are noted as not indexed, without those that are by now, or gone, whose notes are
        removed."""
        some = select(UnindexedJob.job_id, UnindexedJob.id).where(UnindexedJob.job_id > after)
        with self._database.read() as session:
            notes = session.execute(some.order_by(UnindexedJob.job_id).limit(_LOOKED_AT)).all()
            ids = {note.job_id for note in notes}
            # What is noted later than this is looked at is another note.
            found = session.execute(_tracked(indexed=False).where(Job.id.in_(ids)).order_by(Job.id)).all()
        jobs = [(row.Job, row.Video) for row in found]
        ids.difference_update(job.id for job, _ in jobs)
        if done := [note.id for note in notes if note.job_id in ids]:
            # Not those that go with their jobs at this moment: nobody waits for both.
            free = select(UnindexedJob.id).where(UnindexedJob.id.in_(done)).with_for_update(skip_locked=True)
            with self._database.write() as session:
                session.execute(delete(UnindexedJob).where(UnindexedJob.id.in_(session.scalars(free).all())))
        return jobs, notes[-1].job_id if len(notes) == _LOOKED_AT else None

    def _terms(self, user_id: str, kind: str, texts: set[str]) -> dict[str, int]:
        statement = select(SearchTerm.text, SearchTerm.id)
        statement = statement.where(SearchTerm.user_id == user_id, SearchTerm.kind == kind, SearchTerm.text.in_(texts))
        with self._database.read() as session:
            return {row.text: row.id for row in session.execute(statement)}


def _tracked(*, indexed: bool) -> Select[Job, Video]:
    """The jobs whose tracks are stored, with their videos. indexed: those that can be searched too."""
    tracked = Job.tracks["state"].as_string() == str(TracksStep.READY)
    statement = select(Job, Video).join(Video, Video.id == Job.video_id).where(tracked)
    return statement if indexed else statement.where(~exists().where(IndexedJob.job_id == Job.id, IndexedJob.ready))
