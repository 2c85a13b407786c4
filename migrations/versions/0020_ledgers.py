"""What periodic jobs go along, however much is stored: an index of the jobs that wait, and notes that triggers make of
the bytes of recordings and of jobs that are not in the index of tracks."""

import sqlalchemy as sa
from alembic import op

from contracts.database.ledgers import LEDGER_TRIGGERS

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_NAME, _TABLE, _COLUMNS = "ix_jobs_waiting", "jobs", ["user_id", "created_at", "id"]
_WAITING = {
    "sqlite": "state || '' = 'queued' AND cancel_requested = 0",
    "postgresql": "state || '' = 'queued' AND NOT cancel_requested",
}
_ENDED = "stream_id IS NOT NULL AND state NOT IN ('open', 'closed')"
_READY = {"sqlite": "json_extract(tracks, '$.state') = 'ready'", "postgresql": "tracks ->> 'state' = 'ready'"}
_TRIGGERS = {
    "recordings": ("note_added_recording", "note_changed_recording", "note_removed_recording"),
    "jobs": ("note_added_tracks", "note_changed_tracks"),
    "indexed_jobs": ("note_unindexed_job",),
}
_FUNCTIONS = ("note_recordings", "note_changed_recordings", "note_tracks", "note_unindexed_job")


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        # Nobody waits until a large table is read. What an attempt that was interrupted has left is made anew.
        with op.get_context().autocommit_block():
            op.drop_index(_NAME, _TABLE, if_exists=True, postgresql_concurrently=True)
            where = sa.text(_WAITING[dialect])
            op.create_index(_NAME, _TABLE, _COLUMNS, postgresql_concurrently=True, postgresql_where=where)
            _drop_notes(dialect)
            _make_tables()
            # Each for itself, so that nobody waits for whom another one waits for.
            for statement in LEDGER_TRIGGERS[dialect]:
                op.execute(statement)
            _note_unindexed(dialect)
        # What is noted meanwhile of a recording is added up with it, once.
        op.execute("LOCK TABLE recordings IN SHARE ROW EXCLUSIVE MODE")
        op.execute("DELETE FROM recorded_bytes")
    else:
        op.create_index(_NAME, _TABLE, _COLUMNS, sqlite_where=sa.text(_WAITING[dialect]))
        _make_tables()
        for statement in LEDGER_TRIGGERS[dialect]:
            op.execute(statement)
        _note_unindexed(dialect)
    op.execute(f"""
        INSERT INTO recorded_bytes (stream_id, bytes)
        SELECT stream_id, coalesce(sum(size_bytes), 0) FROM recordings WHERE {_ENDED} GROUP BY stream_id
    """)  # noqa: S608


def _make_tables() -> None:
    for name, column in (("recorded_bytes", "stream_id"), ("unindexed_jobs", "job_id")):
        more = [sa.Column("bytes", sa.BigInteger, nullable=False)] if name == "recorded_bytes" else []
        key = sa.Column("id", sa.Integer, primary_key=True)
        op.create_table(name, key, sa.Column(column, sa.String(36), nullable=False), *more)
        op.create_index(f"ix_{name}_{column}", name, [column])


def _note_unindexed(dialect: str) -> None:
    """Once, by reading all jobs: nobody waits for it."""
    op.execute(f"""
        INSERT INTO unindexed_jobs (job_id)
        SELECT id FROM jobs WHERE {_READY[dialect]}
        AND NOT EXISTS (SELECT 1 FROM indexed_jobs WHERE indexed_jobs.job_id = jobs.id AND indexed_jobs.ready)
    """)  # noqa: S608


def _drop_notes(dialect: str) -> None:
    for table, triggers in _TRIGGERS.items():
        for trigger in triggers:
            op.execute(f"DROP TRIGGER IF EXISTS {trigger}" + (f" ON {table}" if dialect == "postgresql" else ""))
    if dialect == "postgresql":
        for function in _FUNCTIONS:
            op.execute(f"DROP FUNCTION IF EXISTS {function}")
    for table in ("recorded_bytes", "unindexed_jobs"):
        op.execute(f"DROP TABLE IF EXISTS {table}")


def downgrade() -> None:
    _drop_notes(op.get_bind().dialect.name)
    op.drop_index(_NAME, _TABLE)
