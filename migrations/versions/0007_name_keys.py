"""Names of users are unique whatever their case."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("name_key", sa.String(64)))
    # Of names that differ by case alone, the oldest keeps others away. All of them still log in.
    op.execute("""
        WITH ranked AS (
            SELECT id, row_number() OVER (PARTITION BY lower(username) ORDER BY created_at, id) AS place FROM users
        )
        UPDATE users SET name_key = lower(username) WHERE id IN (SELECT id FROM ranked WHERE place = 1)
    """)
    op.create_index("ix_users_name_key", "users", ["name_key"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_users_name_key", "users")
    op.drop_column("users", "name_key")
