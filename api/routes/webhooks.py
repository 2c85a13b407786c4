"""Webhooks: URLs that are called when a job of their user has ended, or a rule has raised an alert."""

from functools import partial
from typing import Any

import msgspec
from anyio.to_thread import run_sync
from flask import Response
from starlette.requests import Request
from starlette.responses import Response as StarletteResponse

from api.context import Services, context
from api.notify.webhook_call import WebhookPayload
from api.notify.webhook_signature import new_secret
from api.routes import audit
from api.routes import jobs as job_routes
from api.tables.alerts import Raised
from api.web.answers import Answer, answer, no_content
from api.web.asgi_operations import asgi_operation, json_response
from api.web.representations import alert_representation, delivery_representation, webhook_representation
from contracts.database.tables import Job, Webhook, new_id, utcnow
from contracts.errors import WebhooksOff
from contracts.runtime import tracing

_TEST = "test"


@asgi_operation()
async def create_webhook(request: Request, user: str) -> StarletteResponse:
    """Create a webhook. The response is the only one with its secret."""
    services = context.current()
    _require_on(services)
    body = msgspec.json.decode(await request.body())
    url, jobs = str(body["url"]), bool(body.get("jobs", True))
    await services.webhook_sender.check(user, url)
    webhook = Webhook(id=new_id(), user_id=user, url=url, secret=new_secret(), jobs=jobs, created_at=utcnow())
    await run_sync(services.webhooks.add, webhook)
    await run_sync(partial(audit.note, "webhook.made", user_id=user, subject=webhook.id))
    return _document({**webhook_representation(webhook), "secret": webhook.secret}, 201)


def list_webhooks(user: str) -> Answer:
    """The user's webhooks, newest first."""
    items = [webhook_representation(webhook) for webhook in context.current().webhooks.of_user(user)]
    return answer({"items": items, "next_cursor": None})


def get_webhook(user: str, webhook_id: str) -> Answer:
    """One webhook."""
    return answer(webhook_representation(context.current().webhooks.get(user, webhook_id)))


def delete_webhook(user: str, webhook_id: str) -> Response:
    """Delete a webhook and its deliveries."""
    context.current().webhooks.delete(user, webhook_id)
    audit.note("webhook.deleted", user_id=user, subject=webhook_id)
    return no_content()


def list_deliveries(user: str, webhook_id: str, limit: int = 50, cursor: str | None = None) -> Answer:
    """A page of the deliveries of a webhook."""
    rows, next_cursor = context.current().webhooks.deliveries(user, webhook_id, limit, cursor)
    return answer({"items": [delivery_representation(row) for row in rows], "next_cursor": next_cursor})


@asgi_operation()
async def try_webhook(request: Request, user: str) -> StarletteResponse:
    """Send a test event to a webhook, once, and return the outcome."""
    services = context.current()
    _require_on(services)
    webhook = await run_sync(services.webhooks.get, user, request.path_params["webhook_id"])
    now = utcnow()
    with services.webhook_sender.testing(user):
        outcome = await services.webhook_sender.send(
            user, webhook.url, webhook.secret, WebhookPayload(new_id(), _TEST, now, {"job": None}), now
        )
    return _document({"delivered": outcome.error is None, "status": outcome.status, "error": outcome.error}, 200)


def load_payload(delivery_id: str) -> tuple[str, str, WebhookPayload] | None:
    """URL and secret of the webhook, and the payload of a delivery; None when one of them has been deleted."""
    services = context.current()
    found = services.webhooks.with_subject(delivery_id)
    if found is None:
        return None
    delivery, webhook, about = found
    subject = _subject(services, about)
    if subject is None:
        return None
    span = tracing.of_job(about.traceparent, about.id) if isinstance(about, Job) else None
    payload = WebhookPayload(delivery.id, delivery.event, delivery.created_at, subject, span)
    return webhook.url, webhook.secret, payload


def _subject(services: Services, about: Job | Raised) -> dict[str, Any] | None:
    """What a call is about, by the name of its kind; None when it has been deleted."""
    if isinstance(about, Raised):
        return {"alert": alert_representation(about.alert, about.rule_name)}
    shapes = job_routes.representations(services, [about])
    return {"job": shapes[0]} if shapes else None


def _require_on(services: Services) -> None:
    """Raises WebhooksOff."""
    if not services.settings.webhook_concurrency:
        raise WebhooksOff("webhooks are disabled here (WEBHOOK_CONCURRENCY is 0): poll the job instead")


def _document(content: dict[str, Any], status: int) -> StarletteResponse:
    return json_response(content, status, **{"Cache-Control": "no-store"})
