"""Tries of work, counted in Redis: what fails again and again has an end, whichever processes try it."""

from sqlalchemy.exc import SQLAlchemyError

from contracts.database.outages import is_outage, took_too_long
from processor.context import Services

# For how long a count is kept after its first try.
TRIES_SECONDS = 7 * 86_400
# 1, 5, 25 and 125 minutes.
_PAUSE_SECONDS = 60
_PAUSE_FACTOR = 5


def pause(services: Services, lease: str, tried: int) -> None:
    """Keep the next try away for a while, after so many: by the lease, which has no owner then."""
    services.coordination.renew(lease, _PAUSE_SECONDS * _PAUSE_FACTOR ** (tried - 1))


def note_error(services: Services, error: SQLAlchemyError, tries: str, lease: str, tried: int, most: int) -> None:
    """After an error of the database: an outage says nothing about the work, and is no try; after one that took too
    long there is a pause, unless it was the last try. tries: the name of the count."""
    if is_outage(error):
        services.coordination.reset_count(tries)
    elif took_too_long(error) and tried < most:
        pause(services, lease, tried)
