"""Why alert rules fail."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("alert_rules", sa.Column("failed_at", sa.DateTime(timezone=True)))
    op.add_column("alert_rules", sa.Column("failure", sa.String(32)))


def downgrade() -> None:
    op.drop_column("alert_rules", "failure")
    op.drop_column("alert_rules", "failed_at")
