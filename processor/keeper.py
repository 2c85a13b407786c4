"""What is needed to remove things for good, by the reaper and by operators."""

from dataclasses import dataclass

from contracts.gone import Gone
from contracts.storage import Storage
from contracts.store import ResultStore
from processor.inventory import Inventory


@dataclass(frozen=True, slots=True)
class Keeper:
    """store and gone: None where the servers do not run; what they hold fades by itself."""

    inventory: Inventory
    storage: Storage
    store: ResultStore | None
    gone: Gone | None
