"""What is needed to remove things for good, by the reaper and by operators."""

from dataclasses import dataclass

from contracts.coordination.deleted_jobs import DeletedJobs
from contracts.results.port import ResultStore
from contracts.storage.port import Storage
from processor.housekeeping.inventory import Inventory


@dataclass(frozen=True, slots=True)
class Keeper:
    """store and deleted_jobs: None where the servers do not run; what they hold fades by itself."""

    inventory: Inventory
    storage: Storage
    store: ResultStore | None
    deleted_jobs: DeletedJobs | None
