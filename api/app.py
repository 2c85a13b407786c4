"""The api's composition root."""

import functools
from pathlib import Path
from typing import Any

import connexion
import msgspec
import redis
from connexion.jsonifier import Jsonifier
from connexion.middleware import MiddlewarePosition
from connexion.options import SwaggerUIOptions
from connexion.security import SECURITY_HANDLERS
from connexion.validators import VALIDATOR_MAP
from flask_jwt_extended import JWTManager

from api import changes, downloads, events, exports, problems, renditions, results, timeline, tus, uploads
from api.context import Services, context
from api.cookies import CookieHandler
from api.dispatch import Dispatch
from api.fetching import Fetcher
from api.headers import SecurityHeaders
from api.hub import Hub
from api.imports import Imports
from api.network import OpenNetwork
from api.renditiontable import RenditionTable
from api.repository import Repository
from api.site import Site
from api.streaming import Documents, MethodOverride, PlainPaths, StreamingOperations
from api.validation import BodyValidator
from contracts.broker import create_celery
from contracts.catalogue import Catalogue
from contracts.gone import Gone
from contracts.settings import Settings
from contracts.signals import Replies, Turns
from contracts.storages import open_storage
from contracts.stores import open_result_store
from contracts.tables import open_database

_SPEC = Path(__file__).with_name("openapi.yaml")

# Those with a body come before Connexion validates, which would read it into memory, and so do those of tus, which
# has its own answers to what is wrong; the others after, so that their parameters are checked.
_RECEIVING = {
    "api.uploads.create_video": uploads.create_video,
    "api.uploads.detect": uploads.detect,
    **tus.OPERATIONS,
}
_SENDING = {
    "api.results.job_results": results.job_results,
    "api.timeline.job_series": timeline.job_series,
    "api.timeline.job_appearances": timeline.job_appearances,
    "api.exports.job_export": exports.job_export,
    "api.events.events": events.events,
    "api.events.job_events": events.job_events,
    "api.downloads.video_content": downloads.video_content,
    "api.renditions.video_rendition_content": renditions.video_rendition_content,
    "api.renditions.job_rendition_content": renditions.job_rendition_content,
}


class _Compact(Jsonifier):  # type: ignore[misc]
    """JSON without blanks, quickly."""

    def dumps(self, data: Any, **_: Any) -> str:
        return msgspec.json.encode(data).decode()


def create_app(settings: Settings, *, validate_responses: bool = False) -> connexion.FlaskApp:
    """The ASGI application. Nothing connects before the first request.

    validate_responses holds every answer of Flask against the spec: right for tests, far too slow
    for pages of results.
    """
    app = connexion.FlaskApp("api", jsonifier=_Compact())
    context.install(_services(settings, app))
    problems.install(app)
    app.add_middleware(SecurityHeaders, MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(functools.partial(Site, folder=settings.page_path), MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(PlainPaths, MiddlewarePosition.BEFORE_SWAGGER)
    app.add_middleware(MethodOverride, MiddlewarePosition.BEFORE_SWAGGER)
    app.add_middleware(
        functools.partial(StreamingOperations, operations=_RECEIVING), MiddlewarePosition.BEFORE_VALIDATION
    )
    app.add_middleware(Documents, MiddlewarePosition.BEFORE_VALIDATION)
    app.add_middleware(functools.partial(StreamingOperations, operations=_SENDING), MiddlewarePosition.BEFORE_CONTEXT)
    app.add_api(
        str(_SPEC),
        swagger_ui_options=SwaggerUIOptions(swagger_ui_path="/docs"),
        validate_responses=validate_responses,
        strict_validation=True,
        security_map={**SECURITY_HANDLERS, "apiKey": CookieHandler},
        validator_map={"body": {**VALIDATOR_MAP["body"], "application/json": BodyValidator}},
    )
    return app


def _services(settings: Settings, app: connexion.FlaskApp) -> Services:
    flask = app.app
    flask.config["JWT_SECRET_KEY"] = settings.jwt_secret_key
    JWTManager(flask)
    engine = open_database(settings.database_url)
    repository = Repository(engine)
    signals = redis.Redis.from_url(settings.signals_url, health_check_interval=30)
    return Services(
        settings=settings,
        catalogue=Catalogue(settings.models_path),
        flask=flask,
        engine=engine,
        repository=repository,
        renditions=RenditionTable(engine),
        storage=open_storage(settings),
        store=open_result_store(settings.result_store_url, settings.result_ttl_seconds),
        redis=signals,
        replies=Replies(settings.signals_url, settings.probe_wait_seconds),
        turns=Turns(signals),
        dispatch=Dispatch(create_celery(settings)),
        imports=_imports(settings),
        events=Hub(changes.read, repository.good_credentials),
        gone=Gone(signals),
    )


def _imports(settings: Settings) -> Imports:
    fetcher = Fetcher(OpenNetwork(settings.import_networks), settings.import_timeout_seconds)
    return Imports(fetcher, settings.import_concurrency)
