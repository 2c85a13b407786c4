"""The api's ASGI application: the spec, and the middleware around it."""

import copy
import functools
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import connexion
import msgspec
from connexion.jsonifier import Jsonifier
from connexion.middleware import MiddlewarePosition
from connexion.options import SwaggerUIOptions
from connexion.security import SECURITY_HANDLERS
from connexion.validators import VALIDATOR_MAP

from api.access.rate_limit import RateLimit, Rates
from api.access.scopes import Scopes, needed_scopes
from api.context import context
from api.requests.spec import operations, spec
from api.routes.session_cookies import CookieHandler
from api.services import build
from api.watch.scrapes import answering_scrapes
from api.web import problems
from api.web.allowed_methods import methods_at
from api.web.api_docs import ApiDocs
from api.web.asgi_operations import AsgiOperations, MethodOverride, PrintablePaths, SmallBodies
from api.web.client_address import ClientAddress
from api.web.cors import cors
from api.web.host_check import HostCheck
from api.web.page_site import WebPage
from api.web.request_watch import NotedOperation, RequestWatch
from api.web.security_headers import SecurityHeaders
from api.web.spec_files import SpecFiles
from api.web.validation import BodyValidator, QueryValidator
from api.web.websockets import WebSockets
from contracts.metrics.opened import Metrics
from contracts.settings.table import Settings
from contracts.traces.opened import export_traces


class _CompactJson(Jsonifier):  # type: ignore[misc]
    """Compact JSON, encoded by msgspec."""

    def dumps(self, data: Any, **_: Any) -> str:
        return msgspec.json.encode(data).decode()


def create_app(settings: Settings, *, validate_responses: bool = False) -> connexion.FlaskApp:
    """The ASGI application. Nothing connects before the server starts it.

    validate_responses: check every Flask response against the spec. For tests only: far too slow for result pages.
    """
    metrics = Metrics(settings)
    export_traces(settings, "api", metrics.counts)
    app = connexion.FlaskApp("api", jsonifier=_CompactJson(), lifespan=functools.partial(_lifespan, metrics))
    context.install(build(settings, app.app, metrics.counts))
    problems.install(app, methods_at(spec()))
    app.add_middleware(functools.partial(RequestWatch, counts=metrics.counts), MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(WebSockets, MiddlewarePosition.BEFORE_EXCEPTION)
    if settings.cors:
        app.add_middleware(cors(settings.cors), MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(SecurityHeaders, MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(problems.UnexpectedErrors, MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(functools.partial(HostCheck, names=settings.served_hosts), MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(
        functools.partial(ClientAddress, trusted=settings.proxy_networks), MiddlewarePosition.BEFORE_EXCEPTION
    )
    app.add_middleware(functools.partial(WebPage, folder=settings.page_path), MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(SpecFiles, MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(ApiDocs, MiddlewarePosition.BEFORE_EXCEPTION)
    app.add_middleware(PrintablePaths, MiddlewarePosition.BEFORE_SWAGGER)
    app.add_middleware(MethodOverride, MiddlewarePosition.BEFORE_SWAGGER)
    app.add_middleware(NotedOperation, MiddlewarePosition.BEFORE_SECURITY)
    rates = Rates(settings.coordination_url, settings.rate_requests_per_minute)
    app.add_middleware(functools.partial(RateLimit, rates=rates), MiddlewarePosition.BEFORE_VALIDATION)
    app.add_middleware(functools.partial(Scopes, needed=needed_scopes(spec())), MiddlewarePosition.BEFORE_VALIDATION)
    app.add_middleware(functools.partial(AsgiOperations, validated=False), MiddlewarePosition.BEFORE_VALIDATION)
    taking = frozenset(operation["operationId"] for *_, operation in operations() if "requestBody" in operation)
    app.add_middleware(functools.partial(SmallBodies, taking_bodies=taking), MiddlewarePosition.BEFORE_VALIDATION)
    app.add_middleware(functools.partial(AsgiOperations, validated=True), MiddlewarePosition.BEFORE_CONTEXT)
    app.add_api(
        copy.deepcopy(dict(spec())),
        swagger_ui_options=SwaggerUIOptions(swagger_ui=False, serve_spec=False),
        validate_responses=validate_responses,
        strict_validation=True,
        security_map={**SECURITY_HANDLERS, "apiKey": CookieHandler},
        validator_map={
            "body": {**VALIDATOR_MAP["body"], "application/json": BodyValidator},
            "parameter": QueryValidator,
        },
    )
    return app


def build_now(app: connexion.FlaskApp) -> None:
    """Import the handlers and put the middleware together. Connexion does so at the first request: after the fork, each
    process for itself."""
    stack = app.middleware
    stack.app, stack.middleware_stack = stack._build_middleware_stack()


@asynccontextmanager
async def _lifespan(metrics: Metrics, _app: object) -> AsyncIterator[None]:
    services = context.current()
    services.deliverer.start()
    # Everything loaded so far stays. Scanning it for garbage took 0.2 s at a time and blocked all requests.
    gc.freeze()
    try:
        async with answering_scrapes(metrics, services.watch, services.readiness):
            yield
    finally:
        await services.deliverer.close()
