"""Recording events in the audit log."""

import logging

from sqlalchemy.exc import SQLAlchemyError

from api.context import context
from api.tables.audit import write
from api.web.client_address import address

log = logging.getLogger(__name__)


def note(action: str, *, user_id: str | None = None, subject: str | None = None) -> None:
    """Record an event with the client's address. Blocks: call it in a thread, within the request.

    action: dotted, as in token.deleted. user_id: who did it. subject: id of the object. Never pass secrets, nor unknown
    user names, which may be mistyped passwords. When the table cannot be written, the event goes to the log and the
    request still succeeds.
    """
    try:
        write(context.current().engine, action, user_id=user_id, subject=subject, address=address())
    except SQLAlchemyError as error:
        log.error(
            "could not write to the audit log: %s by user %s, subject %s, from %s",
            action,
            user_id,
            subject,
            address(),
            exc_info=error,
        )
