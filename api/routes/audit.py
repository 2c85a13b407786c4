"""The audit log: who did what that others may ask about later."""

import logging

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from api.context import context
from api.web.client_address import address
from contracts.database.tables import AuditEvent, User

log = logging.getLogger(__name__)


def note(action: str, *, user_id: str | None = None, subject: str | None = None) -> None:
    """Keep that it was done, and from where. Blocks: call it in a thread, within the request.

    action: dotted, as in token.deleted. user_id: who did it. subject: id of what it was done to. Nothing that is
    secret goes in, nor what a client may have mistaken for something else, as a password typed for a name.
    Where the table cannot be written, the log has it: what was done is done, and is answered so.
    """
    try:
        write(context.current().engine, action, user_id=user_id, subject=subject, address=address())
    except SQLAlchemyError as error:
        log.error("not in the audit log: %s by %s to %s from %s", action, user_id, subject, address(), exc_info=error)


def write(
    engine: Engine, action: str, *, user_id: str | None = None, subject: str | None = None, address: str | None = None
) -> None:
    """The same outside of a request."""
    with Session(engine) as session, session.begin():
        user = session.get(User, user_id) if user_id else None
        username = user.username if user else None
        session.add(AuditEvent(action=action, user_id=user_id, username=username, subject=subject, address=address))
