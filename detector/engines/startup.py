"""State of model loading, shared by the worker's main process and the child that loads."""

import logging
import time
from collections.abc import Sequence
from multiprocessing import Array, RawValue
from typing import Any

import msgspec
from celery import bootsteps
from celery.worker import state as worker_state

from contracts.workers.registration import Loaded

log = logging.getLogger(__name__)

_WAIT_SECONDS = 300
_LOADED_BYTES = 16_384
_LOADING, _LOADED, _FAILED = range(3)


class Loading:
    """Loading state and loaded models in shared memory; created before the fork."""

    def __init__(self) -> None:
        self._state = RawValue("i", _LOADING)
        self._loaded: Any = Array("c", _LOADED_BYTES)

    def succeeded(self) -> None:
        self._state.value = _LOADED

    def set_loaded(self, loaded: Sequence[Loaded]) -> None:
        """Publish the loaded models; those that do not fit are left out."""
        kept = list(loaded)
        while len(content := msgspec.json.encode(kept)) >= _LOADED_BYTES:
            kept.pop()
        self._loaded.value = content

    def loaded_json(self) -> bytes:
        """The loaded models as JSON: see contracts.workers.registration.loaded_models."""
        return bytes(self._loaded.value) or b"[]"

    def failed(self) -> None:
        self._state.value = _FAILED

    @property
    def under_way(self) -> bool:
        return bool(self._state.value == _LOADING)

    @property
    def has_failed(self) -> bool:
        return bool(self._state.value == _FAILED)


def loading_step(loading: Loading) -> type[bootsteps.StartStopStep]:
    """A step for `app.steps["worker"]` that blocks until the child has loaded its model.

    Celery itself starts consuming while its children initialise. The step exits the worker with code 1 when the
    child fails, dies, or takes longer than 300 seconds.
    """

    def start(self: Any, parent: Any) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        while loading.under_way and time.monotonic() < deadline and not _child_died(parent):
            worker_state.maybe_shutdown()
            time.sleep(0.02)
        if loading.under_way:
            log.critical("the detector cannot start: its process died or hung while loading the model")
            loading.failed()
        if loading.has_failed:
            raise SystemExit(1)

    members = {"requires": ("celery.worker.components:Pool",), "start": start}
    return type("ModelLoaded", (bootsteps.StartStopStep,), members)


def _child_died(worker: Any) -> bool:
    return any(process.exitcode is not None for process in worker.pool._pool._pool)
