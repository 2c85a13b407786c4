"""Removes many rows in short transactions, since nobody else may write to SQLite meanwhile, and PostgreSQL limits the
time of a statement: tracks from the index, and others."""

import time

from sqlalchemy import ColumnElement, Select, delete, inspect, select, tuple_, update

from contracts.database.engine import Database
from contracts.database.tables import Base, IndexedJob, IndexedTrack, Job

_ROWS = 500
# Between two transactions: others that wait for SQLite's lock ask for it now and then.
_PAUSE_SECONDS = 0.005


def remove_rows(database: Database, table: type[Base], which: ColumnElement[bool]) -> int:
    """Remove the rows of a table that a condition is true for; returns how many there were."""
    key = inspect(table).primary_key
    part, count = select(*key).where(which).limit(_ROWS), 0
    while True:
        with database.write() as session:
            done: int = session.execute(delete(table).where(tuple_(*key).in_(part))).rowcount  # type: ignore[attr-defined]
        count += done
        if done < _ROWS:
            return count
        time.sleep(_PAUSE_SECONDS)


def remove_tracks(database: Database, indexed: Select[int]) -> None:
    """Remove the tracks of the selected indexed jobs, whose rows stay."""
    remove_rows(database, IndexedTrack, IndexedTrack.indexed_job_id.in_(indexed))


def unindex(database: Database, jobs: ColumnElement[bool]) -> None:
    """Remove the tracks of jobs that are about to be deleted, so that little is left for that transaction. They are
    no longer ready first: those of a job that stays after all are indexed again by the hourly job."""
    indexed = select(IndexedJob.id).join(Job, Job.id == IndexedJob.job_id).where(jobs)
    # Locked in one order, as by whoever has indexed a job anew.
    locked = indexed.order_by(IndexedJob.id).with_for_update(of=IndexedJob)
    with database.write() as session:
        found = list(session.scalars(locked))
        session.execute(update(IndexedJob).where(IndexedJob.id.in_(found)).values(ready=False))
    if found:
        remove_tracks(database, indexed)
