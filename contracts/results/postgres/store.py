"""ResultStore in PostgreSQL. Uses the server's clock; every method but `report` is one atomic statement."""

from collections.abc import Sequence
from typing import Any

from contracts.errors import StoreUnavailable
from contracts.results.port import Cost, Hold, Progress, Sign, Standing
from contracts.results.postgres import connection_url
from contracts.results.postgres.pool import STATEMENT_SECONDS, Pool
from contracts.results.postgres.schema import SCHEMA, ensure
from contracts.wire.messages import Layout, decode, encode

_CONNECTIONS = 4  # connections per process, shared by the api's threads
_TRIES = 5
# Longer than any statement, so that none that began before a job was detached still runs when its rows are deleted.
_GRACE_SECONDS = 6 * STATEMENT_SECONDS
_SWEPT_JOBS = 100
_SWEPT_CHUNKS = 500
_SWEPT_BITES = 20


def _writing(insert: str) -> str:
    """SQL of an INSERT ... SELECT id, ... FROM living for a job; its RETURNING gives one value.

    Creates the job if it is new, and renews its TTL once a tenth of it is over. Renewing at every write would make
    all detectors wait for the lock of one row. Returns no row when the job has expired.
    """
    return f"""
        WITH known AS (
            SELECT id FROM job WHERE name = :job AND expires_at > now() + :ttl * interval '0.9 s'
        ), renewed AS (
            INSERT INTO job (name, expires_at)
            SELECT :job, now() + :ttl * interval '1 s' WHERE NOT EXISTS (SELECT FROM known)
            ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at WHERE job.expires_at > now()
            RETURNING id
        ), living AS (
            SELECT id FROM known UNION ALL SELECT id FROM renewed
        ), written AS (
            {insert}
        )
        SELECT (SELECT * FROM written) FROM living
    """  # noqa: S608  (constants of this file)


def _reading(columns: str, table: str, condition: str = "") -> str:
    """SQL of a query on a job that has not expired."""
    return f"""
        SELECT {columns} FROM {table} JOIN job ON job.id = {table}.job
        WHERE job.name = :job AND job.expires_at > now() {condition}
    """  # noqa: S608  (constants of this file)


_PUT_CHUNK = _writing(
    "INSERT INTO chunk SELECT id, CAST(:number AS integer), CAST(:data AS bytea) FROM living"
    " ON CONFLICT DO NOTHING RETURNING true"
)
_GET_CHUNK = _reading("data", "chunk", "AND number = :number")
_HAS_CHUNK = _reading("true", "chunk", "AND number = :number")
_CHUNK_INDEXES = _reading("number", "chunk")
_SET_STATE = _writing(
    "INSERT INTO state SELECT id, CAST(:name AS text), CAST(:value AS bytea) FROM living"
    " ON CONFLICT (job, name) DO UPDATE SET value = excluded.value RETURNING value"
)
_SETTLE_STATE = _writing(
    "INSERT INTO state SELECT id, CAST(:name AS text), CAST(:value AS bytea) FROM living"
    " ON CONFLICT (job, name) DO UPDATE SET value = state.value RETURNING value"
)
_GET_STATE = _reading("value", "state", "AND state.name = :name")
_BEGIN_ATTEMPT = _writing(
    "INSERT INTO attempt SELECT id, CAST(:number AS integer), 1 FROM living"
    " ON CONFLICT (job, number) DO UPDATE SET tries = attempt.tries + 1 RETURNING tries"
)
_WITHDRAW_ATTEMPT = """
    WITH living AS (
        SELECT id FROM job WHERE name = :job AND expires_at > now()
    ), gone AS (
        DELETE FROM attempt USING living
        WHERE attempt.job = living.id AND number = CAST(:number AS integer) AND tries <= 1
    )
    UPDATE attempt SET tries = tries - 1 FROM living
    WHERE attempt.job = living.id AND number = CAST(:number AS integer) AND tries > 1
"""
_ATTEMPTS = _reading("number, tries", "attempt")
_SET_PROGRESS = _writing(
    "INSERT INTO progress"
    " SELECT id, CAST(:number AS integer), CAST(:frames AS bigint), CAST(:seconds AS double precision) FROM living"
    " ON CONFLICT (job, number) DO UPDATE SET frames = excluded.frames, seconds = excluded.seconds RETURNING true"
)
# Costs and notes are rows of the table `state`, in which a process of an earlier release ignores them: another table
# would shut that process out.
_COST, _NOTE = "cost ", "note "
_PROGRESS = f"""
    SELECT job.name, coalesce(done.frames, 0), coalesce(done.seconds, 0),
        coalesce(cost.cpu_seconds, 0), coalesce(cost.inferred, 0)
    FROM job
    CROSS JOIN LATERAL (
        SELECT CAST(sum(frames) AS bigint) AS frames, sum(seconds) AS seconds FROM progress WHERE progress.job = job.id
    ) AS done
    CROSS JOIN LATERAL (
        SELECT sum(CAST(split_part(convert_from(value, 'UTF8'), ' ', 1) AS double precision)) AS cpu_seconds,
            CAST(sum(CAST(split_part(convert_from(value, 'UTF8'), ' ', 2) AS bigint)) AS bigint) AS inferred
        FROM state WHERE state.job = job.id AND starts_with(state.name, '{_COST}')
    ) AS cost
    WHERE job.name = ANY (CAST(:jobs AS text[])) AND job.expires_at > now()
"""  # noqa: S608  (constants of this file)
_DROP_NOTES = f"""
    DELETE FROM state USING job WHERE job.id = state.job AND job.name = :job AND starts_with(state.name, '{_NOTE}')
"""  # noqa: S608  (constants of this file)
_TAKE_LEASE = """
    INSERT INTO lease VALUES (:job, :number, :owner, now() + :seconds * interval '1 s')
    ON CONFLICT (job_name, number) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
    WHERE lease.owner = excluded.owner OR lease.expires_at <= now()
    RETURNING true
"""
_RELEASE_LEASE = "DELETE FROM lease WHERE job_name = :job AND number = :number AND owner = :owner"
_LEASED = "SELECT true FROM lease WHERE job_name = :job AND number = :number AND expires_at > now()"
_TOUCH = "UPDATE job SET expires_at = now() + :ttl * interval '1 s' WHERE name = :job AND expires_at > now()"
_IDLE = "SELECT name FROM job WHERE name IS NOT NULL AND expires_at <= now() + :left * interval '1 s'"
_CUT_OFF = "UPDATE job SET name = NULL WHERE name = :job AND expires_at <= now()"
_FORGET = """
    WITH in_hand AS (DELETE FROM lease WHERE job_name = :job)
    UPDATE job SET name = NULL, expires_at = least(expires_at, now()) WHERE name = :job
"""
_GONE = "SELECT id FROM job WHERE expires_at < now() - :grace * interval '1 s' ORDER BY id LIMIT :most"
_SWEEP_CHUNKS = """
    DELETE FROM chunk WHERE ctid = ANY (ARRAY(SELECT ctid FROM chunk WHERE job = :id LIMIT :most)) RETURNING number
"""
_SWEEP_JOB = """
    WITH a AS (DELETE FROM attempt WHERE job = :id),
        b AS (DELETE FROM progress WHERE job = :id),
        c AS (DELETE FROM state WHERE job = :id)
    DELETE FROM job WHERE id = :id RETURNING id
"""
_SIZE = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
"""
_SWEEP_LEASES = "DELETE FROM lease WHERE expires_at < now() - :grace * interval '1 s'"


class PostgresResultStore:
    """ResultStore in a schema of a PostgreSQL database, created on first use."""

    def __init__(self, pool: Pool, ttl_seconds: int) -> None:
        """pool: its prepare function must be `ensure`."""
        self._pool = pool
        self._ttl = ttl_seconds

    @classmethod
    def connect(cls, url: str, ttl_seconds: int) -> "PostgresResultStore":
        """The store at a postgresql:// or postgresql+pg8000:// URL; connects at the first use."""
        return cls(Pool(connection_url.parse(url), _CONNECTIONS, SCHEMA, ensure), ttl_seconds)

    def put_chunk(self, job_id: str, index: int, data: bytes) -> bool:
        return bool(self._write(_PUT_CHUNK, job_id, number=index, data=data))

    def get_chunk(self, job_id: str, index: int) -> bytes | None:
        data: bytes | None = self._value(_GET_CHUNK, job=job_id, number=index)
        return data

    def has_chunk(self, job_id: str, index: int) -> bool:
        return self._value(_HAS_CHUNK, job=job_id, number=index) is not None

    def chunk_indexes(self, job_id: str) -> frozenset[int]:
        return frozenset(number for (number,) in self._pool.run(_CHUNK_INDEXES, job=job_id))

    def put_layout(self, job_id: str, layout: Layout) -> None:
        self._write(_SET_STATE, job_id, name="layout", value=encode(layout))

    def get_layout(self, job_id: str) -> Layout | None:
        data = self._value(_GET_STATE, job=job_id, name="layout")
        return decode(data, Layout) if data else None

    def put_note(self, job_id: str, name: str, data: bytes) -> None:
        self._write(_SET_STATE, job_id, name=_NOTE + name, value=data)

    def get_note(self, job_id: str, name: str) -> bytes | None:
        data: bytes | None = self._value(_GET_STATE, job=job_id, name=_NOTE + name)
        return data

    def begin_attempt(self, job_id: str, index: int) -> int:
        # Not retried: it may have been counted before the connection broke.
        return int(self._write(_BEGIN_ATTEMPT, job_id, repeat=False, number=index))

    def withdraw_attempt(self, job_id: str, index: int) -> None:
        self._pool.run(_WITHDRAW_ATTEMPT, repeat=False, job=job_id, number=index)

    def attempts(self, job_id: str) -> dict[int, int]:
        return dict(self._pool.run(_ATTEMPTS, job=job_id))

    def take_lease(self, job_id: str, index: int, owner: str, seconds: int) -> bool:
        return bool(self._value(_TAKE_LEASE, job=job_id, number=index, owner=owner, seconds=seconds))

    def release_lease(self, job_id: str, index: int, owner: str) -> None:
        self._pool.run(_RELEASE_LEASE, job=job_id, number=index, owner=owner)

    def leased(self, job_id: str, index: int) -> bool:
        return bool(self._value(_LEASED, job=job_id, number=index))

    def report(self, job_id: str, hold: Hold, sign: Sign) -> Standing:
        held = self.take_lease(job_id, hold.index, hold.owner, hold.seconds)
        if held:
            self.set_progress(job_id, sign.index, sign.frames, sign.seconds)
        self.set_cost(job_id, sign.attempt, sign.cost)
        return Standing(held, self.cancelled(job_id))

    def set_progress(self, job_id: str, index: int, frames: int, seconds: float) -> None:
        self._write(_SET_PROGRESS, job_id, number=index, frames=frames, seconds=seconds)

    def set_cost(self, job_id: str, attempt: str, cost: Cost) -> None:
        value = f"{cost.cpu_seconds:.6f} {cost.inferred}".encode()
        self._write(_SET_STATE, job_id, name=_COST + attempt, value=value)

    def progress(self, job_id: str) -> Progress:
        return self.progress_of([job_id])[0]

    def progress_of(self, job_ids: Sequence[str]) -> list[Progress]:
        rows = self._pool.run(_PROGRESS, jobs=list(job_ids))
        known = {job: Progress(frames, seconds, Cost(*cost)) for job, frames, seconds, *cost in rows}
        return [known.get(job_id, Progress(0, 0.0)) for job_id in job_ids]

    def fix_runtime(self, job_id: str, runtime: str) -> str:
        value: bytes = self._write(_SETTLE_STATE, job_id, name="runtime", value=runtime.encode())
        return value.decode()

    def runtime(self, job_id: str) -> str | None:
        value = self._value(_GET_STATE, job=job_id, name="runtime")
        return value.decode() if value else None

    def request_cancel(self, job_id: str) -> None:
        self._write(_SET_STATE, job_id, name="cancel", value=b"1")

    def cancelled(self, job_id: str) -> bool:
        return self._value(_GET_STATE, job=job_id, name="cancel") is not None

    def touch(self, job_id: str) -> None:
        self._pool.run(_TOUCH, job=job_id, ttl=self._ttl)

    def retire(self, job_id: str, seconds: int) -> None:
        self.request_cancel(job_id)  # the chunks are on disk, and expire with the job

    def drop_notes(self, job_id: str) -> None:
        self._pool.run(_DROP_NOTES, job=job_id)

    def forget(self, job_id: str) -> None:
        self._pool.run(_FORGET, job=job_id)

    def idle(self, seconds: float) -> frozenset[str]:
        # The TTL is renewed once a tenth of it is over, so the last write may be that much later than expires_at
        # suggests.
        return frozenset(name for (name,) in self._pool.run(_IDLE, left=self._ttl - seconds))

    def sweep(self) -> int:
        self._pool.run(_SWEEP_LEASES, grace=_GRACE_SECONDS)
        bites = _SWEPT_BITES
        gone = self._pool.run(_GONE, grace=_GRACE_SECONDS, most=_SWEPT_JOBS)
        for count, (job,) in enumerate(gone):
            while len(self._pool.run(_SWEEP_CHUNKS, id=job, most=_SWEPT_CHUNKS)) == _SWEPT_CHUNKS:
                bites -= 1
                if not bites:
                    return count
            self._pool.run(_SWEEP_JOB, id=job)
        return len(gone)

    def size(self) -> int:
        return int(self._pool.run(_SIZE)[0][0])

    def ping(self) -> None:
        self._pool.run("SELECT 1")

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _write(self, statement: str, job_id: str, *, repeat: bool = True, **values: Any) -> Any:
        """Run a statement of `_writing`; returns its value."""
        for _ in range(_TRIES):
            if rows := self._pool.run(statement, repeat=repeat, job=job_id, ttl=self._ttl, **values):
                return rows[0][0]
            self._pool.run(_CUT_OFF, job=job_id)
        raise StoreUnavailable(
            f"the result store lets job {job_id} fade as soon as it is written: its TTL is too short"
        )

    def _value(self, statement: str, **parameters: Any) -> Any:
        """The value of a single row; None without a row."""
        rows = self._pool.run(statement, **parameters)
        return rows[0][0] if rows else None
