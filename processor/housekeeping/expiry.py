"""Ends resumable uploads that stand still, of which nothing is left, and forgets what the audit log has of old."""

import logging
from datetime import timedelta

from contracts.coordination import names
from contracts.database.tables import utcnow
from contracts.errors import StorageUnavailable
from contracts.storage.port import video_key
from processor.context import Services

log = logging.getLogger(__name__)

_LOCK_SECONDS = 60


def expire_uploads(services: Services) -> None:
    """Remove the uploads whose time is over, but those that are written just now."""
    for upload_id in services.repository.expired_uploads():
        # The lock is left to expire: a request that waits for it then finds the upload gone.
        if services.coordination.acquire(
            names.upload_lock(upload_id), _LOCK_SECONDS
        ) and services.repository.has_expired(upload_id):
            _remove(services, upload_id)


def expire_events(services: Services) -> None:
    """Keep the audit log for AUDIT_DAYS."""
    days = services.settings.audit_days
    if days and (count := services.repository.forget_events(utcnow() - timedelta(days=days))):
        log.info("%d events of the audit log are older than %d days and were removed", count, days)


def _remove(services: Services, upload_id: str) -> None:
    key = video_key(upload_id)
    try:
        services.storage.resumable().discard(key)
        services.storage.delete(key)  # where it was whole, but not a video yet
    except StorageUnavailable as error:
        log.warning("upload %s has expired and cannot be removed yet: %s", upload_id, error.detail)
        return
    services.repository.delete_upload(upload_id)
    log.info("upload %s has expired", upload_id)
