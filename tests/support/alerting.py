"""Alerts that are in the tables without anything having been seen."""

from typing import Any

from analytics.search.hours import from_ms
from contracts.database.engine import Database, open_database
from contracts.database.tables import Alert, AlertRule, Delivery, Webhook, new_id, utcnow
from contracts.wire.webhooks import ALERT_RAISED, DeliveryState
from tests.support.deployments.service import Service


def add_alert(service: Service, rule_id: str, at_ms: int = 1_000, **values: Any) -> str:
    """An alert of a rule; its id."""
    engine = open_database(service.settings().database_url)
    with Database(engine).write() as session:
        rule = session.get_one(AlertRule, rule_id)
        usual: dict[str, Any] = {
            "id": new_id(),
            "key": new_id(),
            "dated": True,
            "label": "person",
            "score": 9000,
            "track": 1,
            "start": 0,
        }
        alert = Alert(rule_id=rule.id, user_id=rule.user_id, at=from_ms(at_ms), **usual | values)
        session.add(alert)
    engine.dispose()
    return alert.id


def link_alert(service: Service, alert_id: str, job_id: str) -> None:
    """Have an alert lead to a job, as that of its recording."""
    engine = open_database(service.settings().database_url)
    with Database(engine).write() as session:
        session.get_one(Alert, alert_id).job_id = job_id
    engine.dispose()


def fail_rule(service: Service, rule_id: str, failure: str) -> None:
    """Note that a rule fails, as a processor does."""
    engine = open_database(service.settings().database_url)
    with Database(engine).write() as session:
        rule = session.get_one(AlertRule, rule_id)
        rule.failure, rule.failed_at = failure, utcnow()
    engine.dispose()


def add_refusal(service: Service, rule_id: str, url: str, error: str) -> None:
    """Give a rule a webhook whose only call failed."""
    engine = open_database(service.settings().database_url)
    with Database(engine).write() as session:
        rule = session.get_one(AlertRule, rule_id)
        webhook = Webhook(id=new_id(), user_id=rule.user_id, url=url, secret="whsec_eA==", jobs=False)
        session.add(webhook)
        session.flush()
        rule.webhook_id, now = webhook.id, utcnow()
        state = str(DeliveryState.FAILED)
        session.add(
            Delivery(webhook_id=webhook.id, event=ALERT_RAISED, state=state, error=error, next_at=now, finished_at=now)
        )
    engine.dispose()
