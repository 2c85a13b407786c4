"""The api's composition root."""

import functools
import gc
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import connexion
import httpcore
import msgspec
import redis
import yaml
from connexion.jsonifier import Jsonifier
from connexion.middleware import MiddlewarePosition
from connexion.options import SwaggerUIOptions
from connexion.security import SECURITY_HANDLERS
from connexion.validators import VALIDATOR_MAP
from flask_jwt_extended import JWTManager

from api.access.login_throttle import Throttle
from api.access.quotas import UserQuotas
from api.access.rate_limit import RateLimit, Rates
from api.access.scopes import Scopes, needed_scopes
from api.context import Services, context
from api.notify.event_hub import Hub
from api.notify.webhook_call import Sender
from api.notify.webhook_deliverer import Deliverer
from api.outbound.guarded_network import OpenNetwork
from api.routes import job_changes, session_tokens, webhooks
from api.routes.session_cookies import CookieHandler
from api.tables.jobs import JobTable
from api.tables.renditions import RenditionTable
from api.tables.sessions import SessionTable
from api.tables.users import UserTable
from api.tables.videos import VideoTable
from api.tables.webhooks import WebhookTable
from api.task_dispatch import Dispatch
from api.uploads.url_fetcher import Fetcher
from api.uploads.url_import import Imports
from api.web import problems
from api.web.allowed_methods import methods_at
from api.web.asgi_operations import AsgiOperations, Documents, MethodOverride, PlainPaths
from api.web.client_address import Peers
from api.web.cors import cors
from api.web.page_site import Site
from api.web.security_headers import SecurityHeaders
from api.web.validation import BodyValidator, IdValidator
from contracts.coordination.deleted_jobs import Gone
from contracts.coordination.leases import Replies, Turns
from contracts.database.engine import open_database
from contracts.models.catalogue import Catalogue
from contracts.results.open import open_result_store
from contracts.settings.table import Settings
from contracts.storage.open import open_storage
from contracts.workers.celery_app import create_celery

_SPEC = Path(__file__).with_name("openapi.yaml")


class _Compact(Jsonifier):  # type: ignore[misc]
    """JSON without blanks, quickly."""

    def dumps(self, data: Any, **_: Any) -> str:
        return msgspec.json.encode(data).decode()


def create_app(settings: Settings, *, validate_responses: bool = False) -> connexion.FlaskApp:
    """The ASGI application. Nothing connects before the server starts it.

    validate_responses holds every answer of Flask against the spec: right for tests, far too slow
    for pages of results.
    """
    app = connexion.FlaskApp("api", jsonifier=_Compact(), lifespan=_lifespan)
    context.install(_services(settings, app))
    spec = yaml.safe_load(_SPEC.read_text())
    problems.install(app, methods_at(spec))
    if settings.cors:
        app.add_middleware(cors(settings.cors), MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(SecurityHeaders, MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(functools.partial(Peers, trusted=settings.proxy_networks), MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(functools.partial(Site, folder=settings.page_path), MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(PlainPaths, MiddlewarePosition.BEFORE_SWAGGER)
    app.add_middleware(MethodOverride, MiddlewarePosition.BEFORE_SWAGGER)
    rates = Rates(settings.signals_url, settings.rate_requests_per_minute)
    app.add_middleware(functools.partial(RateLimit, rates=rates), MiddlewarePosition.BEFORE_VALIDATION)
    app.add_middleware(functools.partial(Scopes, needed=needed_scopes(spec)), MiddlewarePosition.BEFORE_VALIDATION)
    app.add_middleware(functools.partial(AsgiOperations, validated=False), MiddlewarePosition.BEFORE_VALIDATION)
    app.add_middleware(Documents, MiddlewarePosition.BEFORE_VALIDATION)
    app.add_middleware(functools.partial(AsgiOperations, validated=True), MiddlewarePosition.BEFORE_CONTEXT)
    app.add_api(
        str(_SPEC),
        swagger_ui_options=SwaggerUIOptions(swagger_ui_path="/docs"),
        validate_responses=validate_responses,
        strict_validation=True,
        security_map={**SECURITY_HANDLERS, "apiKey": CookieHandler},
        validator_map={
            "body": {**VALIDATOR_MAP["body"], "application/json": BodyValidator},
            "parameter": IdValidator,
        },
    )
    return app


@asynccontextmanager
async def _lifespan(_app: object) -> AsyncIterator[None]:
    deliverer = context.current().deliverer
    deliverer.start()
    # All that is here by now stays: looking through it for garbage took 0.2 s at a time, in which nobody was answered.
    gc.freeze()
    try:
        yield
    finally:
        await deliverer.close()


def _services(settings: Settings, app: connexion.FlaskApp) -> Services:
    flask = app.app
    flask.config.update(session_tokens.configured(settings.jwt_secret_key))
    JWTManager(flask)
    engine = open_database(settings.database_url)
    sessions = SessionTable(engine)
    webhook_table = WebhookTable(engine)
    tls = httpcore.default_ssl_context()
    webhook_sender = Sender(OpenNetwork(settings.webhook_networks), settings.webhook_timeout_seconds, tls)
    signals = redis.Redis.from_url(settings.signals_url, health_check_interval=30)
    return Services(
        settings=settings,
        catalogue=Catalogue(settings.models_path),
        flask=flask,
        engine=engine,
        users=UserTable(engine),
        sessions=sessions,
        videos=VideoTable(engine),
        jobs=JobTable(engine),
        renditions=RenditionTable(engine),
        storage=open_storage(settings),
        store=open_result_store(settings.result_store_url, settings.result_ttl_seconds),
        redis=signals,
        replies=Replies(settings.signals_url, settings.probe_wait_seconds),
        turns=Turns(signals),
        dispatch=Dispatch(create_celery(settings)),
        imports=_imports(settings, tls),
        events=Hub(job_changes.read, sessions.good_credentials),
        gone=Gone(signals),
        quotas=UserQuotas(settings, engine, signals),
        throttle=Throttle(
            signals,
            settings.login_failures_per_name,
            settings.login_failures_per_address,
            settings.registrations_per_address,
        ),
        webhooks=webhook_table,
        webhook_sender=webhook_sender,
        deliverer=Deliverer(
            webhook_table,
            webhook_sender,
            webhooks.write,
            most=settings.webhook_concurrency,
            tries=settings.webhook_tries,
            seconds=settings.webhook_timeout_seconds,
        ),
    )


def _imports(settings: Settings, tls: ssl.SSLContext) -> Imports:
    fetcher = Fetcher(OpenNetwork(settings.import_networks), settings.import_timeout_seconds, tls)
    return Imports(fetcher, settings.import_concurrency)
