"""The processor's composition root: `python -m processor.worker`."""

from contracts.runtime import startup

startup.begin(__name__)

import logging
import os
import sys
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown

from contracts.coordination import names
from contracts.coordination.leases import Coordination
from contracts.database.engine import open_database
from contracts.metrics.opened import Metrics
from contracts.metrics.totals import Counts
from contracts.models.catalogue import Catalogue
from contracts.results.open import open_result_store
from contracts.runtime.log_setup import configure
from contracts.settings.load import load_or_report
from contracts.settings.table import Settings
from contracts.storage.open import open_storage
from contracts.traces.opened import export_traces
from contracts.wire.tasks import QUEUE_PROBE, QUEUE_PROCESSOR, QUEUE_RECOVERY
from contracts.workers.celery_app import create_celery, run_worker, worker_options
from contracts.workers.registration import connect
from contracts.workers.steps import heartbeat_step, metrics_step, periodic_step, registration_step
from contracts.workers.task_watch import TaskWatch
from media.sandbox import warn_if_weak
from processor import tasks  # noqa: F401  (registers them)
from processor.context import Services, context
from processor.periodic import send_periodic
from processor.repository import Repository
from processor.worker_count import Workers

log = logging.getLogger(__name__)


def build(settings: Settings, celery: Celery, counts: Counts | None = None) -> Services:
    """The parts of one process."""
    return Services(
        settings=settings,
        counts=counts or Counts(),
        catalogue=Catalogue(settings.models_path),
        celery=celery,
        storage=open_storage(settings),
        store=open_result_store(settings.result_store_url, settings.result_ttl_seconds),
        coordination=Coordination.connect(settings.coordination_url),
        repository=Repository(open_database(settings.database_url)),
        live=connect(settings.coordination_url),
        detectors=Workers(connect(settings.coordination_url), "detector"),
        processors=Workers(connect(settings.coordination_url), "processor"),
    )


def create(settings: Settings) -> Celery:
    """The worker's application: tasks, registration, and the reaper's clock."""
    app, metrics = create_celery(settings), Metrics(settings)
    TaskWatch(metrics.counts).connect()
    send_last = export_traces(settings, "processor", metrics.counts)
    app.steps["worker"].add(metrics_step(metrics, "processor"))
    client = connect(settings.coordination_url)
    coordination = Coordination(client)

    def tick() -> None:
        # However many processors there are, one of them sends the periodic jobs.
        if coordination.debounce(names.REAPER, settings.reaper_seconds):
            send_periodic(app)

    app.steps["consumer"].add(registration_step("processor", client))
    if settings.heartbeat_file:
        app.steps["consumer"].add(heartbeat_step(settings.heartbeat_file))
    app.steps["consumer"].add(periodic_step("ReaperClock", settings.reaper_seconds, tick))

    @setup_logging.connect(weak=False)  # type: ignore[untyped-decorator]
    def _logging(**_: Any) -> None:
        configure(settings)

    @worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]
    def _process(**_: Any) -> None:
        # After the fork: no connection is shared with the parent.
        context.install(build(settings, app, metrics.counts))

    @worker_process_shutdown.connect(weak=False)  # type: ignore[untyped-decorator]
    def _end(**_: Any) -> None:
        send_last()

    return app


def options(settings: Settings) -> dict[str, Any]:
    """The options of the Celery worker."""
    name, least, most = f"processor-{os.getpid()}", settings.processor_concurrency, settings.processor_autoscale
    found = worker_options(name, [QUEUE_PROBE, QUEUE_PROCESSOR, QUEUE_RECOVERY], settings, least)
    return {**found, "autoscale": (most, least) if most > least else None}


def main() -> int:
    """Entry point."""
    settings = load_or_report("processor")
    if settings is None:
        return 2
    app = create(settings)
    configure(settings)
    warn_if_weak()
    return run_worker(app, options(settings))


if __name__ == "__main__":
    sys.exit(main())
