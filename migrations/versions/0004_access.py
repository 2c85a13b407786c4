"""Roles, quotas, token scopes, webhooks and the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _id(name: str, of: str) -> sa.Column[object]:
    return sa.Column(name, sa.String(36), sa.ForeignKey(f"{of}.id", ondelete="CASCADE"), nullable=False)


def _time(name: str, *, optional: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=optional)


def upgrade() -> None:
    op.add_column("users", sa.Column("role", sa.String(16), nullable=False, server_default="user"))
    op.add_column("users", sa.Column("quotas", sa.JSON))
    op.add_column("api_tokens", sa.Column("scopes", sa.JSON))
    op.add_column("jobs", sa.Column("chunks_sent", sa.Integer, nullable=False, server_default="0"))
    # Until now, all chunks of a job were sent when it was planned.
    op.execute("UPDATE jobs SET chunks_sent = chunks_total WHERE chunks_total IS NOT NULL")
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(36), primary_key=True),
        _id("user_id", "users"),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
        _time("created_at"),
    )
    op.create_index("ix_webhooks_user_id", "webhooks", ["user_id"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(36), primary_key=True),
        _id("webhook_id", "webhooks"),
        _id("job_id", "jobs"),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        _time("next_at"),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.Text),
        _time("created_at"),
        _time("finished_at", optional=True),
        sa.UniqueConstraint("webhook_id", "job_id", "event"),
    )
    for column in ("webhook_id", "job_id"):
        op.create_index(f"ix_deliveries_{column}", "deliveries", [column])
    op.create_index("ix_deliveries_state_next", "deliveries", ["state", "next_at"])
    op.create_table(
        "audit_events",
        sa.Column("id", sa.String(36), primary_key=True),
        _time("at"),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(36)),
        sa.Column("username", sa.String(64)),
        sa.Column("subject", sa.String(128)),
        sa.Column("address", sa.String(64)),
    )
    for column in ("at", "user_id"):
        op.create_index(f"ix_audit_events_{column}", "audit_events", [column])


def downgrade() -> None:
    for table in ("audit_events", "deliveries", "webhooks"):
        op.drop_table(table)
    for table, column in (("jobs", "chunks_sent"), ("api_tokens", "scopes"), ("users", "quotas"), ("users", "role")):
        op.drop_column(table, column)
