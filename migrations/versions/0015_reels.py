"""Reels: renditions of several videos, which expire."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("renditions", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.create_index("ix_renditions_expires_at", "renditions", ["expires_at"])
    op.create_table(
        "reel_videos",
        sa.Column("reel_id", sa.String(36), sa.ForeignKey("renditions.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("video_id", sa.String(36), sa.ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index("ix_reel_videos_video_id", "reel_videos", ["video_id"])


def downgrade() -> None:
    op.drop_table("reel_videos")
    op.execute("DELETE FROM renditions WHERE kind = 'reel'")
    op.drop_index("ix_renditions_expires_at", "renditions")
    op.drop_column("renditions", "expires_at")
