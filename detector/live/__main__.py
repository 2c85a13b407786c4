"""The live detector's composition root: `python -m detector.live`."""

from contracts.runtime import startup

startup.begin(__name__)

import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import redis

from contracts.metrics.opened import Metrics
from contracts.models.catalogue import Catalogue
from contracts.runtime.log_setup import configure
from contracts.settings.load import load_or_report
from contracts.settings.table import Settings
from contracts.traces.opened import export_traces
from contracts.workers import heartbeat
from contracts.workers.registration import Loaded, connect, worker_name
from detector.live.keeper import TICK_SECONDS, Analysing, Keeper
from detector.pools import pools
from media.sandbox import warn_if_weak

log = logging.getLogger(__name__)

SWITCH_SECONDS = 0.001


def serve(settings: Settings, stopping: threading.Event, tick_seconds: float = TICK_SECONDS) -> None:
    """Analyse streams until the event is set."""
    instance, metrics = worker_name(), Metrics(settings)
    export_traces(settings, "live_detector", metrics.counts)

    def begin(on_loaded: Callable[[Sequence[Loaded]], None]) -> Analysing:
        from detector.live.analysis import Analysis

        return Analysis(settings, instance, on_loaded, metrics.counts)

    client = connect(settings.coordination_url)
    keeper = Keeper(client, instance, pools(settings), Catalogue(settings.models_path), begin)
    end_metrics = metrics.start("live_detector", lambda: keeper.readings(settings.metrics_streams))
    is_lost = False
    while not stopping.is_set():
        try:
            keeper.tick()
            if is_lost:
                log.info("Redis answers again")
            is_lost = False
            _beat(settings)
        except redis.RedisError as error:
            if not is_lost:
                log.warning("Redis does not answer: %s", error)
            is_lost = True
        stopping.wait(tick_seconds)
    with suppress(redis.RedisError):
        keeper.close()
    end_metrics()
    if settings.heartbeat_file:
        heartbeat.end(settings.heartbeat_file)


def _beat(settings: Settings) -> None:
    if settings.heartbeat_file:
        heartbeat.beat(settings.heartbeat_file)


def main() -> int:
    """Entry point: 0 after an orderly stop, 2 for wrong settings."""
    settings = load_or_report("detector")
    if settings is None:
        return 2
    configure(settings)
    # A thread with a packet at hand must not wait for one that computes.
    sys.setswitchinterval(SWITCH_SECONDS)
    warn_if_weak()
    stopping = threading.Event()

    def stop(*_: Any) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    startup.done()
    serve(settings, stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())
