"""Dependencies of the tasks, built once per process by the worker."""

from collections.abc import Callable
from dataclasses import dataclass, field

import redis
from celery import Celery

from contracts.coordination.leases import Coordination
from contracts.metrics.totals import Counts
from contracts.models.catalogue import Catalogue
from contracts.results.port import ResultStore
from contracts.runtime.context import Context
from contracts.settings.table import Settings
from contracts.storage.port import Storage
from processor.repository import Repository


@dataclass(frozen=True, slots=True)
class Services:
    """The processor's dependencies. live: where streams are, see contracts.live. detectors, processors: the
    last known number of live ones. counts: for metrics."""

    settings: Settings
    catalogue: Catalogue
    celery: Celery
    storage: Storage
    store: ResultStore
    coordination: Coordination
    repository: Repository
    live: "redis.Redis"
    detectors: Callable[[], int] = lambda: 1
    processors: Callable[[], int] = lambda: 1
    counts: Counts = field(default_factory=Counts)


context: Context[Services] = Context()
