"""Clean-up jobs, run by `processor.periodic`. Each returns whether it left more to do, None when it never does."""

import logging
import time
from datetime import timedelta

from contracts.coordination import names
from contracts.coordination.deleted_jobs import DeletedJobs
from contracts.database.tables import utcnow
from contracts.errors import StorageUnavailable, Unavailable
from contracts.storage.port import video_key
from contracts.workers.registration import connect, index_workers
from processor.context import Services
from processor.housekeeping.inventory import DataStores, Inventory
from processor.housekeeping.orphans import sweep
from processor.housekeeping.retention import expire

log = logging.getLogger(__name__)

_UNFINISHED_SECONDS = 3600
_LOCK_SECONDS = 60
_MOST_UPLOADS = 500
_SECONDS = 10  # a longer call would delay what waits for the same processor
_PLACE_SECONDS = 24 * 3600


def remove_expired_results(services: Services) -> None:
    """Free the room of running jobs' results whose TTL has passed."""
    services.store.sweep()


def index_registrations(services: Services) -> None:
    """Find workers of an earlier release, and forget killed ones."""
    with connect(services.settings.coordination_url) as client:
        index_workers(client)


def expire_uploads(services: Services) -> None:
    """Remove abandoned resumable uploads, except those that are being written."""
    until = time.monotonic() + _SECONDS
    for upload_id in services.repository.expired_uploads(_MOST_UPLOADS):
        if time.monotonic() > until:
            return
        # The lock is left to expire: a request that waits for it then finds the upload gone.
        if services.coordination.acquire(
            names.upload_lock(upload_id), _LOCK_SECONDS
        ) and services.repository.has_expired(upload_id):
            _remove_upload(services, upload_id)


def expire_audit_events(services: Services) -> None:
    """Remove events of the audit log that are older than AUDIT_DAYS."""
    days = services.settings.audit_days
    if days and (count := services.repository.forget_events(utcnow() - timedelta(days=days))):
        log.info("removed %d events of the audit log that are older than %d days", count, days)


def remove_old_and_orphaned(services: Services) -> bool:
    """Remove what is older than the retention settings, and orphans and partial objects of killed writers, from where
    the call before it has stopped. Each has half of the time of a call, so that neither waits for the other."""
    settings = services.settings
    with connect(settings.coordination_url) as client:
        stores = DataStores(
            Inventory(services.repository.engine), services.storage, services.store, DeletedJobs(client)
        )
        try:
            expired = expire(stores, settings, until=time.monotonic() + _SECONDS / 2)
            place = services.coordination.place(names.HOUSEKEEPING)
            swept = sweep(stores, settings.orphan_hours * 3600, _UNFINISHED_SECONDS, place, _SECONDS / 2)
            services.coordination.keep_place(names.HOUSEKEEPING, swept.place, _PLACE_SECONDS)
            if swept.partial:
                log.warning("removed %d unfinished objects of killed writers", swept.partial)
            return bool(expired) or swept.place is not None
        except Unavailable as error:
            log.warning("cannot remove old data and orphans for now: %s", error.detail)
    return False


def _remove_upload(services: Services, upload_id: str) -> None:
    key = video_key(upload_id)
    try:
        services.storage.resumable().discard(key)
        services.storage.delete(key)  # a complete upload that has not become a video
    except StorageUnavailable as error:
        log.warning("cannot remove the expired upload %s yet: %s", upload_id, error.detail)
        return
    services.repository.delete_upload(upload_id)
    log.info("upload %s has expired", upload_id)
