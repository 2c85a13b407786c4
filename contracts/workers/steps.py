"""The periodic steps of a Celery worker's main process: registration, heartbeat, and what a role adds."""

import logging
from collections.abc import Callable
from typing import Any

import redis
from celery import bootsteps
from kombu.exceptions import OperationalError

from contracts.metrics.opened import Metrics
from contracts.metrics.table import MetricRole
from contracts.workers import heartbeat
from contracts.workers.registration import INTERVAL_SECONDS, Worker, register, unregister, worker_name

log = logging.getLogger(__name__)


def periodic_step(
    name: str, seconds: float, tick: Callable[[], object], stopped: Callable[[], object] = lambda: None
) -> type[bootsteps.StartStopStep]:
    """A bootstep for `app.steps["consumer"]`: calls `tick` when the worker begins to consume and then every
    `seconds`, on the timer of the main process; `stopped` at its end. Make one class per name.

    When Redis or the broker cannot be reached, it logs a warning and tries again at the next call.
    """

    def attempt(call: Callable[[], object]) -> None:
        try:
            call()
        except (redis.RedisError, OperationalError) as error:
            log.warning("%s failed, next try in %g s: %s", name, seconds, error)

    def start(self: Any, parent: Any) -> None:
        attempt(tick)
        self.entry = parent.timer.call_repeatedly(seconds, attempt, (tick,))

    def stop(self: Any, parent: Any) -> None:
        if entry := getattr(self, "entry", None):
            entry.cancel()
        attempt(stopped)

    members = {"requires": ("celery.worker.consumer.tasks:Tasks",), "start": start, "stop": stop}
    return type(name, (bootsteps.StartStopStep,), members)


def metrics_step(metrics: Metrics, role: MetricRole) -> type[bootsteps.StartStopStep]:
    """A bootstep for `app.steps["worker"]` that answers scrapes, once the children are there."""

    def start(self: Any, parent: Any) -> None:
        self.end = metrics.start(role)

    def stop(self: Any, parent: Any) -> None:
        self.end()

    members = {"requires": ("celery.worker.components:Pool",), "start": start, "stop": stop}
    return type("Metrics", (bootsteps.StartStopStep,), members)


def registration_step(
    role: Worker, client: "redis.Redis", value: Callable[[], bytes] = lambda: b"1"
) -> type[bootsteps.StartStopStep]:
    """A bootstep that registers the worker. value: what it says of itself."""
    name = worker_name()
    return periodic_step(
        "Registration",
        INTERVAL_SECONDS,
        lambda: register(client, role, name, value()),
        lambda: unregister(client, role, name),
    )


def heartbeat_step(path: str) -> type[bootsteps.StartStopStep]:
    """A bootstep that touches the heartbeat file: see contracts/workers/heartbeat.py."""
    return periodic_step(
        "Heartbeat", heartbeat.INTERVAL_SECONDS, lambda: heartbeat.beat(path), lambda: heartbeat.end(path)
    )
