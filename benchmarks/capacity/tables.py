"""What the rows of PostgreSQL cost: those of searchable tracks, of which there are most, and a job's own changes."""

from dataclasses import dataclass
from time import perf_counter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from benchmarks.capacity.spent import spent
from benchmarks.search.generated import Generated
from contracts.database.engine import open_database
from contracts.database.tables import Base, IndexedTrack, Job
from tests.support.servers.debian import Postgres

_CHANGES = 300


@dataclass(frozen=True)
class Cost:
    """rows: that were written. cpu, seconds: of one. change: CPU seconds of the server for one change of a job in a
    transaction of its own; changes_per_second: of one client."""

    rows: int
    cpu: float
    seconds: float
    change: float
    changes_per_second: float


def measure(hours: int) -> Cost:
    """Tracks of so many hours of a street camera."""
    with Postgres(fsync="on") as server:
        engine = open_database(server.wait().create("bench"), statement_seconds=None)
        try:
            Base.metadata.create_all(engine)
            began = perf_counter()
            with spent(server.pid) as writing:
                Generated(engine, hours).load()
            seconds = perf_counter() - began
            with Session(engine) as session:
                rows = session.scalar(select(func.count()).select_from(IndexedTrack)) or 0
                job = session.scalars(select(Job.id).limit(1)).one()
            began = perf_counter()
            with spent(server.pid) as changing:
                for number in range(_CHANGES):
                    with Session(engine) as session, session.begin():
                        row = session.get_one(Job, job)
                        row.chunks_sent = number + 1
            changes = perf_counter() - began
        finally:
            engine.dispose()
    return Cost(rows, writing.seconds / rows, seconds / rows, changing.seconds / _CHANGES, _CHANGES / changes)
