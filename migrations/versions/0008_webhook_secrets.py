"""Secrets of webhooks in the format of Standard Webhooks: the same random bytes, written differently."""

import base64
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BEFORE, _NOW = "wdwh_", "whsec_"


def upgrade() -> None:
    _rewrite(_BEFORE, lambda text: _NOW + base64.b64encode(base64.urlsafe_b64decode(text + "=")).decode())


def downgrade() -> None:
    _rewrite(_NOW, lambda text: _BEFORE + base64.urlsafe_b64encode(base64.b64decode(text)).decode().rstrip("="))


def _rewrite(prefix: str, secret: Callable[[str], str]) -> None:
    """Replace the secrets with a prefix. secret: makes one from what follows the prefix."""
    webhooks = sa.table("webhooks", sa.column("id", sa.String), sa.column("secret", sa.String))
    connection = op.get_bind()
    for row in connection.execute(sa.select(webhooks).where(webhooks.c.secret.startswith(prefix))).all():
        changed = {"secret": secret(row.secret.removeprefix(prefix))}
        connection.execute(sa.update(webhooks).where(webhooks.c.id == row.id).values(changed))
