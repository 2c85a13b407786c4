"""Removes old alerts."""

import logging
from datetime import timedelta

from contracts.database.tables import utcnow
from contracts.storage.port import alert_picture_key
from processor.alerts.rows import AlertRows
from processor.context import Services

log = logging.getLogger(__name__)

# The newest alerts of a user that stay, and those of them that keep a picture of their own.
MOST_ALERTS, MOST_PICTURES = 10_000, 1000
_AT_ONCE = 500


def expire_alerts(services: Services) -> bool:
    """Remove alerts that are older than ALERT_DAYS, and what a user has beyond MOST_ALERTS and MOST_PICTURES; whether
    there are more. Raises StorageUnavailable: what is left then is an orphan."""
    rows, days = AlertRows(services.repository.engine), services.settings.alert_days
    before = utcnow() - timedelta(days=days) if days else None
    old = rows.expired(before, MOST_ALERTS, _AT_ONCE)
    if old:
        rows.delete(old)
        log.info("removed %d old alerts", len(old))
    bare = rows.pictured(MOST_PICTURES, _AT_ONCE)
    for alert_id in bare:
        rows.note_picture(alert_id, stored=False)
    for alert_id in (*old, *bare):
        services.storage.delete(alert_picture_key(alert_id))
    return _AT_ONCE in (len(old), len(bare))
