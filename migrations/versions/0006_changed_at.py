"""When jobs and renditions last changed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TABLES = ("jobs", "renditions")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("changed_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE jobs SET changed_at = COALESCE(finished_at, started_at, created_at)")
    op.execute("UPDATE renditions SET changed_at = COALESCE(finished_at, created_at)")
    for table in _TABLES:
        op.create_index(f"ix_{table}_changed_at", table, ["changed_at"])


def downgrade() -> None:
    for table in _TABLES:
        op.drop_index(f"ix_{table}_changed_at", table)
        op.drop_column(table, "changed_at")
