"""The oldest deliveries of a webhook that wait."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_INDEX, _TABLE, _COLUMNS = "ix_deliveries_waiting", "deliveries", ["webhook_id", "next_at", "id"]
_WAITING = sa.text("finished_at IS NULL")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # Nobody waits until a large table is read. What an attempt that was interrupted has left is made anew.
        with op.get_context().autocommit_block():
            op.drop_index(_INDEX, _TABLE, if_exists=True, postgresql_concurrently=True)
            op.create_index(_INDEX, _TABLE, _COLUMNS, postgresql_concurrently=True, postgresql_where=_WAITING)
    else:
        op.create_index(_INDEX, _TABLE, _COLUMNS, sqlite_where=_WAITING)


def downgrade() -> None:
    op.drop_index(_INDEX, _TABLE)
