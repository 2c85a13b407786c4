"""The renderer's composition root: `python -m processor.render_worker`. It renders one rendition at a time.

A separate worker in the processor's image: rendering may take hours and must not delay merges.
"""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_shutting_down

from contracts.runtime.log_setup import configure
from contracts.settings.load import load_or_report
from contracts.settings.table import Settings
from contracts.wire.tasks import QUEUE_RENDER
from contracts.workers.celery_app import create_celery, worker_arguments
from contracts.workers.registration import connect
from contracts.workers.steps import heartbeat_step, registration_step
from media.sandbox import warn_if_weak
from processor import tasks  # noqa: F401  (registers them)
from processor.context import context
from processor.renditions.steps import leaving
from processor.worker import build


def create(settings: Settings) -> Celery:
    """The worker's application: tasks and registration."""
    app = create_celery(settings)
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


def arguments(settings: Settings) -> list[str]:
    """The command line of the Celery worker."""
    name = f"renderer-{os.getpid()}"
    # A thread, so that it is notified of a shutdown while it waits for the child process.
    return ["--quiet", *worker_arguments(name, [QUEUE_RENDER], settings, "--pool=threads", "--concurrency=1")]


def main() -> int:
    """Entry point."""
    settings = load_or_report("processor")
    if settings is None:
        return 2
    app = create(settings)
    configure(settings)
    warn_if_weak()
    context.install(build(settings, app))
    return int(app.start(arguments(settings)) or 0)


if __name__ == "__main__":
    sys.exit(main())
