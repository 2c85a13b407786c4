"""What a million videos need: indexes, and sums of stored bytes that the database keeps."""

import sqlalchemy as sa
from alembic import op

from contracts.database.counted import TRIGGERS

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# The condition of a partial index, the same or one for each dialect.
_Where = str | dict[str, str] | None
_UNPROBED = "media IS NULL AND refused IS NULL"
_UNTRACKED = "tracks IS NULL AND summary IS NOT NULL AND frames_done > 0"
_CANCELLED = {
    "sqlite": "cancel_requested = 1 AND finished_at IS NULL",
    "postgresql": "cancel_requested AND finished_at IS NULL",
}
_PICTURED = {"sqlite": "picture = 1", "postgresql": "picture = true"}
_QUEUED = {"sqlite": "json_extract(tracks, '$.state') = 'queued'", "postgresql": "(tracks ->> 'state') = 'queued'"}
_INDEXES: tuple[tuple[str, str, list[str], _Where], ...] = (
    ("ix_videos_created", "videos", ["created_at", "id"], None),
    ("ix_videos_unprobed", "videos", ["user_id", "created_at", "id"], _UNPROBED),
    ("ix_jobs_user_state", "jobs", ["user_id", "state", "created_at", "id"], None),
    ("ix_jobs_cancelled", "jobs", ["cancel_requested", "created_at", "id"], _CANCELLED),
    ("ix_jobs_tracks_queued", "jobs", ["finished_at", "id"], _QUEUED),
    ("ix_jobs_untracked", "jobs", ["finished_at", "id"], _UNTRACKED),
    ("ix_alerts_user_picture", "alerts", ["user_id", "picture", "at", "id"], _PICTURED),
    ("ix_renditions_user_kind", "renditions", ["user_id", "kind", "state", "created_at", "id"], None),
    ("ix_deliveries_webhook_created", "deliveries", ["webhook_id", "created_at", "id"], None),
    ("ix_audit_events_user_at", "audit_events", ["user_id", "at", "id"], None),
    ("ix_audit_events_action_at", "audit_events", ["action", "at", "id"], None),
    ("ix_audit_events_user_action", "audit_events", ["user_id", "action", "at", "id"], None),
)


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "postgresql":
        # Nobody waits until a large table is read. What an attempt that was interrupted has left is made anew.
        with op.get_context().autocommit_block():
            for name, table, columns, where in _INDEXES:
                op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
                op.create_index(name, table, columns, postgresql_concurrently=True, postgresql_where=_of(where))
    else:
        for name, table, columns, where in _INDEXES:
            op.create_index(name, table, columns, sqlite_where=_of(where))
    _count_bytes(dialect)


def _of(where: _Where) -> sa.TextClause | None:
    text = where[op.get_bind().dialect.name] if isinstance(where, dict) else where
    return None if text is None else sa.text(text)


def _count_bytes(dialect: str) -> None:
    if dialect == "postgresql":
        # In the order in which a deletion takes them; what writes to them waits until all is added up.
        op.execute("LOCK TABLE users, renditions, videos IN SHARE ROW EXCLUSIVE MODE")
    op.create_table(
        "stored_bytes",
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("videos", sa.BigInteger, nullable=False),
        sa.Column("renditions", sa.BigInteger, nullable=False),
    )
    # The triggers first: they lock the tables until what was there before is added up.
    for statement in TRIGGERS[dialect]:
        op.execute(statement)
    op.execute("""
        INSERT INTO stored_bytes (user_id, videos, renditions)
        SELECT user_id, sum(size_bytes), 0 FROM videos GROUP BY user_id
    """)
    op.execute("""
        UPDATE stored_bytes SET renditions = coalesce((
            SELECT sum(size_bytes) FROM renditions
            WHERE renditions.user_id = stored_bytes.user_id AND renditions.state = 'ready'
        ), 0)
    """)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for trigger in ("count_added_video", "count_removed_video"):
            op.execute(f"DROP TRIGGER {trigger} ON videos")
        for trigger in ("count_added_rendition", "count_removed_rendition", "count_changed_rendition"):
            op.execute(f"DROP TRIGGER {trigger} ON renditions")
        for function in ("count_videos", "count_renditions", "count_changed_rendition"):
            op.execute(f"DROP FUNCTION {function}")
    else:
        for change in ("added_video", "removed_video", "added_rendition", "changed_rendition", "removed_rendition"):
            op.execute(f"DROP TRIGGER count_{change}")
    op.drop_table("stored_bytes")
    for name, table, *_ in _INDEXES:
        op.drop_index(name, table)
