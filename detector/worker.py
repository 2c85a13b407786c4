"""The detector's composition root: `python -m detector.worker`.

One child process holds the model. It loads the model after the fork, so that it shares no engine state with the
parent and time limits can end it.
"""

from contracts.runtime import startup

startup.begin(__name__)

import logging
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown

from contracts.errors import SettingsError, WebDetectorError
from contracts.metrics.opened import Metrics
from contracts.models.catalogue import Catalogue, Model
from contracts.results.open import open_result_store
from contracts.runtime.log_setup import configure
from contracts.settings.load import load_or_report
from contracts.settings.table import Settings
from contracts.storage.open import open_storage
from contracts.traces.opened import export_traces
from contracts.wire.runs import from_message
from contracts.wire.tasks import detector_queue
from contracts.workers.celery_app import create_celery, run_worker, worker_options
from contracts.workers.registration import connect, worker_name
from contracts.workers.steps import heartbeat_step, metrics_step, registration_step
from contracts.workers.task_watch import TaskWatch
from detector import tasks  # noqa: F401  (registers the task)
from detector.ahead import Ahead
from detector.chunk_attempt import open_ahead
from detector.context import Services, context
from detector.decode.parent import Budget, Decoders
from detector.engine import EngineConfig, EngineInfo
from detector.engines.loaded import Engines
from detector.engines.published import Published
from detector.engines.startup import Loading, loading_step
from detector.metering import Meter
from detector.parking import Parking
from detector.pools import pools
from detector.prefetch import Line, listen, prefetch_step
from media.sandbox import warn_if_weak

log = logging.getLogger(__name__)


def build(
    settings: Settings,
    worker: str,
    on_loaded: Callable[[Sequence[tuple[Model, EngineInfo]]], None] = lambda _: None,
    line: Line | None = None,
    meter: Meter | None = None,
) -> Services:
    """Compose the services of one process; nothing is loaded or connected yet.

    worker: its name in leases, the same for a child that replaces one that died.
    on_loaded: see detector.engines.loaded.Engines. line: to the process that takes messages. meter: for metrics.
    """
    config = EngineConfig(settings.detector_device, settings.detector_threads, settings.detector_batch)
    return Services(
        catalogue=Catalogue(settings.models_path),
        storage=open_storage(settings),
        store=open_result_store(settings.result_store_url, settings.result_ttl_seconds),
        engines=Engines(settings.models_path, config, on_loaded),
        decoders=Decoders(Budget(settings.max_frame_pixels, settings.max_pixels)),
        worker=worker,
        lease_seconds=settings.lease_seconds,
        parking=Parking(settings.lease_seconds / 3),
        ahead=Ahead(line),
        meter=meter or Meter(),
    )


def warm_up(settings: Settings, services: Services) -> None:
    """Start the decoder's fork server and load the configured models. Raises WebDetectorError."""
    services.decoders.start()
    named = [name for name in (name.strip() for name in settings.detector_models.split(",")) if name]
    for model_id in named or [settings.default_model]:
        model = services.catalogue.get(model_id)
        if model.pool in pools(settings):
            services.engines.get(model, settings.precision)
        elif named:
            raise SettingsError(
                f"DETECTOR_MODELS names {model_id}, of pool {model.pool!r}, which DETECTOR_POOLS does not include"
            )


def create(settings: Settings, loading: Loading) -> Celery:
    """The worker's application: the task, registration, and the model in the child."""
    app = create_celery(settings, extra_queues=tuple(detector_queue(pool) for pool in pools(settings)))
    metrics = Metrics(settings)
    TaskWatch(metrics.counts).connect()
    send_last = export_traces(settings, "detector", metrics.counts)
    app.steps["worker"].add(metrics_step(metrics, "detector"))
    client = connect(settings.coordination_url)
    # The consumer starts after the worker's steps: no registration, and no task, before the model.
    line = Line()
    app.steps["worker"].add(loading_step(loading))
    app.steps["consumer"].add(prefetch_step(line))
    app.steps["consumer"].add(registration_step("detector", client, loading.loaded_json))
    if settings.heartbeat_file:
        app.steps["consumer"].add(heartbeat_step(settings.heartbeat_file))
    parent = os.getpid()
    worker = worker_name()

    @setup_logging.connect(weak=False)  # type: ignore[untyped-decorator]
    def _logging(**_: Any) -> None:
        configure(settings)

    @worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]
    def _process(**_: Any) -> None:
        meter = Meter(metrics.counts)
        published = Published(loading.set_loaded, meter.speeds.of)
        meter.on_change = published.again
        try:
            services = build(
                settings,
                worker,
                published.set,
                line,
                meter,
            )
            warm_up(settings, services)
            context.install(services)
            _listen(line, services)
            loading.succeeded()
        except BaseException as error:
            # Celery would only log it and keep a process without a model.
            log.critical("the detector cannot start: %s", error, exc_info=not isinstance(error, WebDetectorError))
            loading.failed()
            if os.getppid() == parent:
                os.kill(parent, signal.SIGTERM)
            os._exit(1)

    @worker_process_shutdown.connect(weak=False)  # type: ignore[untyped-decorator]
    def _end(**_: Any) -> None:
        send_last()

    return app


def _listen(line: Line, services: Services) -> None:
    """Open the messages that come next, in a thread."""

    def open_message(argument: Any) -> None:
        open_ahead(from_message(argument), services)

    threading.Thread(target=listen, args=(line, open_message, services.ahead.tidy), name="ahead", daemon=True).start()


def options(settings: Settings) -> dict[str, Any]:
    """The options of the Celery worker."""
    queues = [detector_queue(pool) for pool in pools(settings)]
    return worker_options(f"detector-{uuid.uuid4().hex[:12]}", queues, settings, 1)


def main() -> int:
    """Entry point: 0 after an orderly stop, 1 when the model could not be loaded, 2 for wrong settings."""
    settings = load_or_report("detector")
    if settings is None:
        return 2
    configure(settings)
    warn_if_weak()
    loading = Loading()
    code = run_worker(create(settings, loading), options(settings))
    return 1 if loading.has_failed else code


if __name__ == "__main__":
    sys.exit(main())
