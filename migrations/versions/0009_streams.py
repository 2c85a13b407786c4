"""Live streams and their recordings."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "streams",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("video_id", sa.String(36), sa.ForeignKey("videos.id", ondelete="SET NULL")),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("record", sa.JSON),
        sa.Column("wanted", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("stopped_at", _TIME),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME),
    )
    op.create_index("ix_streams_user_created", "streams", ["user_id", "created_at", "id"])
    op.create_index("ix_streams_video_id", "streams", ["video_id"])
    op.create_index("ix_streams_changed_at", "streams", ["changed_at"])
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("stream_id", sa.String(36), sa.ForeignKey("streams.id", ondelete="SET NULL")),
        sa.Column("source_id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("video_id", sa.String(36), sa.ForeignKey("videos.id", ondelete="CASCADE")),
        sa.Column("job_id", sa.String(36), sa.ForeignKey("jobs.id", ondelete="SET NULL")),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("end", sa.BigInteger),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("frames", sa.Integer),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("reason", sa.String(32)),
        sa.Column("instance", sa.String(128), nullable=False),
        sa.Column("dropped", sa.JSON),
        sa.Column("error", sa.JSON),
        sa.Column("created_at", _TIME, nullable=False),
    )
    op.create_index("ix_recordings_stream_started", "recordings", ["stream_id", "started_at", "id"])
    for column in ("user_id", "video_id", "job_id", "state"):
        op.create_index(f"ix_recordings_{column}", "recordings", [column])


def downgrade() -> None:
    op.drop_table("recordings")
    op.drop_table("streams")
