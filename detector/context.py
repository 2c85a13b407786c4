"""The dependencies of the detector's task, composed once per process by the worker."""

from dataclasses import dataclass
from typing import Protocol

from contracts.models.catalogue import Catalogue, Model
from contracts.results.port import ResultStore
from contracts.runtime.context import Context
from contracts.storage.port import Storage
from detector.decode.parent import Decoders
from detector.engine import Engine


class EngineSource(Protocol):
    """Provides engines by model and precision: see detector.engines.loaded.Engines."""

    def get(self, model: Model, precision: str) -> Engine: ...


@dataclass(frozen=True, slots=True)
class Services:
    """The detector's parts. worker: its name in leases."""

    catalogue: Catalogue
    storage: Storage
    store: ResultStore
    engines: EngineSource
    decoders: Decoders
    worker: str
    lease_seconds: int


context: Context[Services] = Context()
