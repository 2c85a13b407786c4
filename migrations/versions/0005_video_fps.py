"""The rate of a video without times, as the client said it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("videos", sa.Column("fps", sa.Double))


def downgrade() -> None:
    op.drop_column("videos", "fps")
