"""How far the tracks of a job are."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("tracks", sa.JSON))


def downgrade() -> None:
    op.drop_column("jobs", "tracks")
