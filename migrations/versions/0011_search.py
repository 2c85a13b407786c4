"""Tracks that can be searched."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_ORDER = ["at", "indexed_job_id", "number"]


def upgrade() -> None:
    op.create_table(
        "search_terms",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.UniqueConstraint("user_id", "kind", "digest"),
    )
    op.create_table(
        "indexed_jobs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("job_id", sa.String(36), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("tracks", sa.Integer, nullable=False),
        sa.Column("ready", sa.Boolean, nullable=False),
        sa.Column("source", sa.Integer),
        sa.Column("first_at", sa.BigInteger),
        sa.Column("last_at", sa.BigInteger),
    )
    op.create_index("ix_indexed_jobs_user_id", "indexed_jobs", ["user_id"])
    op.create_index("ix_indexed_jobs_job_id", "indexed_jobs", ["job_id"])
    op.create_table(
        "tracks",
        sa.Column("indexed_job_id", sa.Integer, sa.ForeignKey("indexed_jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("label", sa.Integer, nullable=False),
        sa.Column("source", sa.Integer),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("at", "start", "length")),
        sa.Column("score", sa.SmallInteger, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("best_frame", "best_ms")),
        *(sa.Column(f"box_{name}", sa.Integer, nullable=False) for name in ("left", "top", "right", "bottom")),
        *(sa.Column(name, sa.SmallInteger, nullable=False) for name in ("left", "top", "right", "bottom")),
        sa.Column("heading", sa.SmallInteger),
        sa.Column("path", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tracks_label_at", "tracks", ["label", *_ORDER])
    op.create_index("ix_tracks_label_source_at", "tracks", ["label", "source", *_ORDER])
    op.create_index("ix_tracks_label_score", "tracks", ["label", "score", *_ORDER])


def downgrade() -> None:
    op.drop_table("tracks")
    op.drop_table("indexed_jobs")
    op.drop_table("search_terms")
