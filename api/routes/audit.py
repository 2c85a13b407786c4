"""The audit log: who did what that others may ask about later."""

import logging

from sqlalchemy.exc import SQLAlchemyError

from api.context import context
from api.tables.audit import write
from api.web.client_address import address

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
