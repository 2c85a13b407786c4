"""Removes old alerts."""

import logging
from datetime import timedelta

from contracts.database.tables import utcnow
from processor.alerts.rows import AlertRows
from processor.context import Services

log = logging.getLogger(__name__)

# The newest alerts of a user that stay, however many there are.
MOST_ALERTS = 10_000
_AT_ONCE = 500


def expire_alerts(services: Services) -> bool:
    """Remove alerts that are older than ALERT_DAYS, and what a user has beyond MOST_ALERTS; whether there are more."""
    rows, days = AlertRows(services.repository.engine), services.settings.alert_days
    before = utcnow() - timedelta(days=days) if days else None
    old = rows.expired(before, MOST_ALERTS, _AT_ONCE)
    if old:
        rows.delete(old)
        log.info("removed %d old alerts", len(old))
    return len(old) == _AT_ONCE
