"""The renderer's composition root: `python -m processor.render_worker`. It renders one rendition at a time.

A separate worker in the processor's image: rendering may take hours and must not delay merges.
"""

from contracts.runtime import startup

startup.begin(__name__)

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_shutting_down

from contracts.metrics.opened import Metrics
from contracts.runtime.log_setup import configure
from contracts.settings.load import load_or_report
from contracts.settings.table import Settings
from contracts.traces.opened import export_traces
from contracts.wire.tasks import QUEUE_RENDER
from contracts.workers.celery_app import create_celery, run_worker, worker_options
from contracts.workers.registration import connect
from contracts.workers.steps import heartbeat_step, metrics_step, registration_step
from contracts.workers.task_watch import TaskWatch
from media.sandbox import warn_if_weak
from processor import tasks  # noqa: F401  (registers them)
from processor.context import context
from processor.renditions.steps import leaving
from processor.worker import build


def create(settings: Settings, metrics: Metrics) -> Celery:
    """The worker's application: tasks and registration."""
    app = create_celery(settings)
    TaskWatch(metrics.counts).connect()
    export_traces(settings, "renderer", metrics.counts)
    app.steps["worker"].add(metrics_step(metrics, "renderer"))
    # The processes that it starts have limits of their own, by the length of the video.
    app.conf.update(task_soft_time_limit=None, task_time_limit=None)
    app.steps["consumer"].add(registration_step("renderer", connect(settings.coordination_url)))
    if settings.heartbeat_file:
        app.steps["consumer"].add(heartbeat_step(settings.heartbeat_file))

    @setup_logging.connect(weak=False)  # type: ignore[untyped-decorator]
    def _logging(**_: Any) -> None:
        configure(settings)

    @worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator]
    def _leave(**_: Any) -> None:
        leaving.set()

    return app


def options(settings: Settings) -> dict[str, Any]:
    """The options of the Celery worker."""
    # A thread, so that it is notified of a shutdown while it waits for the child process.
    return {**worker_options(f"renderer-{os.getpid()}", [QUEUE_RENDER], settings, 1), "pool": "threads"}


def main() -> int:
    """Entry point."""
    settings = load_or_report("processor")
    if settings is None:
        return 2
    metrics = Metrics(settings)
    app = create(settings, metrics)
    configure(settings)
    warn_if_weak()
    context.install(build(settings, app, metrics.counts))
    return run_worker(app, options(settings))


if __name__ == "__main__":
    sys.exit(main())
