"""The dependencies of the detector's task, composed once per process by the worker."""

from dataclasses import dataclass, field
from typing import Protocol

from contracts.models.catalogue import Catalogue, Model
from contracts.results.port import ResultStore
from contracts.runtime.context import Context
from contracts.storage.port import Storage
from detector.ahead import Ahead
from detector.cost import CpuTime
from detector.decode.parent import Decoders
from detector.engine import Engine
from detector.metering import Meter
from detector.parking import Parking
from detector.relay import Relay


class EngineSource(Protocol):
    """Provides engines by model and precision: see detector.engines.loaded.Engines."""

    def get(self, model: Model, precision: str) -> Engine: ...


@dataclass(frozen=True, slots=True)
class Services:
    """The detector's parts. worker: its name in leases. parking: runs that wait for their next time slice. ahead: what
    is opened of the next message. relay: what feeds the engines. cpu: time of this process. meter: for
    metrics."""

    catalogue: Catalogue
    storage: Storage
    store: ResultStore
    engines: EngineSource
    decoders: Decoders
    worker: str
    lease_seconds: int
    parking: Parking = field(default_factory=Parking)
    ahead: Ahead = field(default_factory=Ahead)
    relay: Relay = field(default_factory=Relay)
    cpu: CpuTime = field(default_factory=CpuTime)
    meter: Meter = field(default_factory=Meter)


context: Context[Services] = Context()
