"""Which videos were refused, whose files are not stored, and which labels the model of an indexed job knew."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_NAME, _TABLE, _COLUMNS = "ix_videos_refused", "videos", ["user_id"]
_REFUSED = sa.text("refused IS NOT NULL")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # Nobody waits until a large table is read. What an attempt that was interrupted has left is made anew.
        with op.get_context().autocommit_block():
            op.drop_index(_NAME, _TABLE, if_exists=True, postgresql_concurrently=True)
            op.create_index(_NAME, _TABLE, _COLUMNS, postgresql_concurrently=True, postgresql_where=_REFUSED)
    else:
        op.create_index(_NAME, _TABLE, _COLUMNS, sqlite_where=_REFUSED)
    # Last, and with the number of the revision: what is before may be done again.
    op.add_column("indexed_jobs", sa.Column("labels", sa.String(64)))


def downgrade() -> None:
    op.drop_index("ix_videos_refused", "videos")
    op.drop_column("indexed_jobs", "labels")
