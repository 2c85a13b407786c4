"""Models, liveness and readiness."""

import logging
from collections.abc import Callable
from typing import Any

from redis import RedisError
from sqlalchemy import text

from api.context import Services, context
from api.web.answers import Answer, answer
from contracts.models.catalogue import Model
from contracts.workers.registration import WORKERS, Loaded, count_workers, loaded_models

log = logging.getLogger(__name__)


def list_models() -> Answer:
    """The models that jobs can use, and where they are loaded."""
    services = context.current()
    try:
        loaded = loaded_models(services.redis)
    except RedisError as error:  # the list of models does not depend on it
        log.warning("cannot read the models that detectors have loaded: %s", error)
        loaded = {}
    items = [
        _model_shape(model, loaded.get(model.id, []), model.id == services.settings.default_model)
        for model in services.catalogue.all()
    ]
    return answer({"items": items, "next_cursor": None})


def _model_shape(model: Model, loaded: list[Loaded], is_default: bool) -> dict[str, Any]:
    return {
        "id": model.id,
        "title": model.title,
        "engine": model.engine,
        "labels": [label for label in model.labels if label],
        "licence": model.licence,
        "source": model.source,
        "accuracy": model.accuracy,
        "accuracy_source": model.accuracy_source,
        "masks": model.masks,
        "pool": model.pool,
        "default": is_default,
        "loaded": [
            {name: getattr(item, name) for name in ("engine", "version", "device", "provider", "precision")}
            for item in loaded
        ],
    }


def healthz() -> Answer:
    """Liveness: the process responds."""
    return answer({"status": "alive"})


def readyz() -> Answer:
    """Readiness: the api reaches its database, result store, Redis and broker."""
    services = context.current()
    checks = {
        "database": _check(lambda: _ask_database(services)),
        "result_store": _check(services.store.ping),
        "redis": _check(services.redis.ping),
        "broker": _check(services.dispatch.ping),
    }
    ready = all(answer == "ok" for answer in checks.values())
    workers = {}
    if checks["redis"] == "ok":
        workers = {role: count_workers(services.redis, role) for role in WORKERS}
    state = "ready" if ready else "unavailable"
    return answer({"status": state, "checks": checks, "workers": workers}, 200 if ready else 503)


def _ask_database(services: Services) -> None:
    with services.engine.connect() as connection:
        connection.execute(text("SELECT 1"))


def _check(ask: Callable[[], object]) -> str:
    try:
        ask()
    except Exception as error:  # any error of a client library means not ready
        log.warning("not ready: %s", error)
        return f"failed: {type(error).__name__}"
    return "ok"
