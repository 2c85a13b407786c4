"""Alert rules and alerts, and webhooks that are told of them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_UNIQUE = "uq_deliveries_webhook_alert"


def _id(name: str, of: str, action: str | None = "CASCADE", *, optional: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(36), sa.ForeignKey(f"{of}.id", ondelete=action), nullable=optional)


def upgrade() -> None:
    op.create_table(
        "alert_rules",
        sa.Column("id", sa.String(36), primary_key=True),
        _id("user_id", "users"),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("search", sa.JSON, nullable=False),
        sa.Column("schedule", sa.JSON),
        sa.Column("at_most_one_in_s", sa.Integer, nullable=False),
        _id("scene_id", "scenes", None, optional=True),
        _id("webhook_id", "webhooks", "SET NULL", optional=True),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("limited_at", _TIME),
        sa.Column("created_at", _TIME, nullable=False),
    )
    op.create_index("ix_alert_rules_user_created", "alert_rules", ["user_id", "created_at", "id"])
    for column in ("scene_id", "webhook_id"):
        op.create_index(f"ix_alert_rules_{column}", "alert_rules", [column])
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(36), primary_key=True),
        _id("rule_id", "alert_rules"),
        _id("user_id", "users"),
        sa.Column("key", sa.String(512), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("dated", sa.Boolean, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("score", sa.SmallInteger, nullable=False),
        sa.Column("event", sa.String(16)),
        sa.Column("zone", sa.String(64)),
        sa.Column("line", sa.String(64)),
        sa.Column("direction", sa.String(16)),
        _id("stream_id", "streams", "SET NULL", optional=True),
        _id("video_id", "videos", optional=True),
        _id("job_id", "jobs", "SET NULL", optional=True),
        sa.Column("track", sa.Integer, nullable=False),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("picture", sa.Boolean, nullable=False),
        sa.Column("seen", sa.Boolean, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.UniqueConstraint("rule_id", "key"),
    )
    op.create_index("ix_alerts_user_at", "alerts", ["user_id", "at", "id"])
    op.create_index("ix_alerts_rule_at", "alerts", ["rule_id", "at", "id"])
    op.create_index("ix_alerts_rule_created", "alerts", ["rule_id", "created_at"])
    for column in ("stream_id", "video_id", "job_id"):
        op.create_index(f"ix_alerts_{column}", "alerts", [column])
    op.create_table(
        "alerted_jobs",
        sa.Column("job_id", sa.String(36), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("at", _TIME, nullable=False),
    )
    op.add_column("webhooks", sa.Column("jobs", sa.Boolean, nullable=False, server_default=sa.true()))
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(_id("job_id", "jobs", optional=True), _id("alert_id", "alerts", optional=True))
    else:
        op.alter_column("deliveries", "job_id", nullable=True)
        op.add_column("deliveries", _id("alert_id", "alerts", optional=True))
        op.create_unique_constraint(_UNIQUE, "deliveries", ["webhook_id", "alert_id"])
    op.create_index("ix_deliveries_alert_id", "deliveries", ["alert_id"])


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE job_id IS NULL")
    op.drop_index("ix_deliveries_alert_id", "deliveries")
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(_id("job_id", "jobs"))
    else:
        op.drop_constraint(_UNIQUE, "deliveries", type_="unique")
        op.drop_column("deliveries", "alert_id")
        op.alter_column("deliveries", "job_id", nullable=False)
    op.drop_column("webhooks", "jobs")
    for table in ("alerted_jobs", "alerts", "alert_rules"):
        op.drop_table(table)


def _rebuild(*subjects: sa.Column[object]) -> None:
    """Make the deliveries of SQLite anew with other columns for what they tell of. Alembic's own way of it writes the
    constraints in another order each time."""
    unique = [sa.UniqueConstraint("webhook_id", "alert_id", name=_UNIQUE)] if len(subjects) > 1 else []
    op.create_table(
        "deliveries_rebuilt",
        sa.Column("id", sa.String(36), primary_key=True),
        _id("webhook_id", "webhooks"),
        *subjects,
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", _TIME, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("error", sa.Text),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME),
        sa.UniqueConstraint("webhook_id", "job_id", "event"),
        *unique,
    )
    op.execute("""
        INSERT INTO deliveries_rebuilt
            (id, webhook_id, job_id, event, state, attempts, next_at, status, error, created_at, finished_at)
        SELECT id, webhook_id, job_id, event, state, attempts, next_at, status, error, created_at, finished_at
        FROM deliveries
    """)
    op.drop_table("deliveries")
    op.rename_table("deliveries_rebuilt", "deliveries")
    for column in ("webhook_id", "job_id"):
        op.create_index(f"ix_deliveries_{column}", "deliveries", [column])
    op.create_index("ix_deliveries_state_next", "deliveries", ["state", "next_at"])
