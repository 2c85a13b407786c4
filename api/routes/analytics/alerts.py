"""Alert rules, and the alerts that they raised."""

import math
from datetime import datetime
from functools import partial
from typing import Any

from flask import Response

from analytics.search.hours import EVER, from_ms
from api.context import context
from api.requests.alert_rule_content import checked_rule, require_places
from api.tables.alerts import Named, Raised, Wanted
from api.web.answers import Answer, answer, no_content
from api.web.representations import alert_representation, alert_rule_representation
from contracts.database.tables import AlertRule, new_id, utcnow
from contracts.errors import AlertRuleRefused, InvalidInput
from contracts.storage.port import alert_picture_key


def create_rule(user: str, body: dict[str, Any]) -> Answer:
    """Create a rule."""
    content, now = checked_rule(body), utcnow()
    rule = AlertRule(id=new_id(), user_id=user, since=now, created_at=now, **content)
    context.current().alerts.add_rule(rule, partial(_require_named, content))
    return answer(alert_rule_representation(rule), 201)


def list_rules(user: str, limit: int = 50, cursor: str | None = None) -> Answer:
    """A page of the user's rules, newest first."""
    rows, next_cursor = context.current().alerts.rules(user, limit, cursor)
    return answer({"items": [alert_rule_representation(rule) for rule in rows], "next_cursor": next_cursor})


def get_rule(user: str, rule_id: str) -> Answer:
    """One rule."""
    return answer(alert_rule_representation(context.current().alerts.rule(user, rule_id)))


def replace_rule(user: str, rule_id: str, body: dict[str, Any]) -> Answer:
    """Replace a rule; its alerts stay."""
    content = checked_rule(body)
    check = partial(_require_named, content)
    return answer(alert_rule_representation(context.current().alerts.replace_rule(user, rule_id, content, check)))


def delete_rule(user: str, rule_id: str) -> Response:
    """Delete a rule with its alerts."""
    services = context.current()
    for alert_id in services.alerts.delete_rule(user, rule_id):
        services.storage.delete(alert_picture_key(alert_id))
    return no_content()


def list_alerts(
    user: str,
    rule_id: str | None = None,
    from_ms: float | None = None,
    to_ms: float | None = None,
    seen: bool | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Answer:
    """A page of the user's alerts, newest first."""
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise InvalidInput(f"from_ms ({from_ms:g}) must be less than to_ms ({to_ms:g})")
    start, stop = (None if ms is None else _moment(ms) for ms in (from_ms, to_ms))
    found, next_cursor = context.current().alerts.alerts(user, Wanted(rule_id, start, stop, seen), limit, cursor)
    return answer({"alerts": [_shape(raised) for raised in found], "next_cursor": next_cursor})


def get_alert(user: str, alert_id: str) -> Answer:
    """One alert."""
    return answer(_shape(context.current().alerts.alert(user, alert_id)))


def mark_alert(user: str, alert_id: str, body: dict[str, Any]) -> Answer:
    """Note whether the user has seen an alert."""
    return answer(_shape(context.current().alerts.mark(user, alert_id, seen=body["seen"])))


def _shape(raised: Raised) -> dict[str, Any]:
    return alert_representation(raised.alert, raised.rule_name)


def _moment(ms: float) -> datetime:
    """The first moment that is not before so many ms since 1970."""
    return from_ms(min(max(math.ceil(ms), EVER[0]), EVER[1]))


def _require_named(content: dict[str, Any], named: Named) -> None:
    """Raises AlertRuleRefused where a rule names what its user has not."""
    if content["scene_id"] is not None:
        if named.scene is None:
            raise AlertRuleRefused("you have no scene with this scene_id: make one, or give the id of one of yours")
        scene = named.scene
        require_places(content, [zone["name"] for zone in scene.zones], [line["name"] for line in scene.lines])
    if content["webhook_id"] is not None and named.webhook is None:
        raise AlertRuleRefused("you have no webhook with this webhook_id: make one, or give the id of one of yours")
    for stream_id in content["search"].get("stream_id", ()):
        if stream_id not in named.streams:
            raise AlertRuleRefused(f"you have no stream {stream_id}: give ids of your streams, or sources")
