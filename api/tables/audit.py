"""The rows of the audit log."""

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from contracts.database.tables import AuditEvent, User


def write(
    engine: Engine, action: str, *, user_id: str | None = None, subject: str | None = None, address: str | None = None
) -> None:
    """Add an event; parameters as in api.routes.audit.note."""
    with Session(engine) as session, session.begin():
        user = session.get(User, user_id) if user_id else None
        username = user.username if user else None
        session.add(AuditEvent(action=action, user_id=user_id, username=username, subject=subject, address=address))
