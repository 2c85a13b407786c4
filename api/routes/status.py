"""Models, liveness and readiness."""

import logging
from typing import Any

from redis import RedisError
from starlette.requests import Request
from starlette.responses import Response

from api.context import context
from api.readiness import READY
from api.web.answers import Answer, answer
from api.web.asgi_operations import asgi_operation, json_response
from contracts.models.catalogue import Model
from contracts.workers.registration import Loaded, loaded_models

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


@asgi_operation()
async def healthz(_request: Request, _user: str) -> Response:
    """Liveness: the process responds. Answered by the event loop itself, without a thread and without a server."""
    return json_response({"status": "alive"})


@asgi_operation()
async def readyz(_request: Request, _user: str) -> Response:
    """Readiness: the api reaches its database, result store, Redis and broker."""
    report = await context.current().readiness.report()
    return json_response(report, 200 if report["status"] == READY else 503)
