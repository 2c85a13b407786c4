"""What the reaper does now and then, without any work being lost: retention, and what belongs to nothing."""

import logging

from contracts.coordination import names
from contracts.coordination.deleted_jobs import DeletedJobs
from contracts.errors import Unavailable
from contracts.workers.registration import connect
from processor.context import Services
from processor.housekeeping.inventory import Inventory, Keeper
from processor.housekeeping.orphans import orphans, remove
from processor.housekeeping.retention import expire

log = logging.getLogger(__name__)

_SECONDS = 3600
_MORE_SECONDS = 60
_MOST_ORPHANS = 1000


def keep_house(services: Services) -> None:
    """Once an hour, whichever processor comes first: remove what is too old, and what belongs to nothing."""
    settings = services.settings
    if not services.coordination.acquire(names.HOUSEKEEPING, _SECONDS):
        return
    with connect(settings.coordination_url) as client:
        keeper = Keeper(Inventory(services.repository.engine), services.storage, services.store, DeletedJobs(client))
        try:
            if expire(keeper, settings):
                # There may be more of it: a turn that takes too long would keep lost work waiting.
                services.coordination.renew(names.HOUSEKEEPING, _MORE_SECONDS)
                return
            for count, _ in enumerate(remove(keeper, orphans(keeper, settings.orphan_hours * 3600)), 1):
                if count == _MOST_ORPHANS:
                    services.coordination.renew(names.HOUSEKEEPING, _MORE_SECONDS)
                    break
        except Unavailable as error:
            log.warning("what is too old or belongs to nothing cannot be removed for now: %s", error.detail)
