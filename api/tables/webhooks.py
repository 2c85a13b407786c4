"""Webhooks and their deliveries, as the api reads and changes them. Users see only their own."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CompoundSelect, Engine, func, select, union_all, update

from api.tables.alerts import Raised
from api.tables.queries import owned, page
from contracts.database.engine import Database
from contracts.database.removing import remove_rows
from contracts.database.tables import WAITING, Alert, AlertRule, Delivery, Job, User, Webhook
from contracts.errors import TooManyWebhooks
from contracts.wire.webhooks import KNOWN_EVENTS, DeliveryState

WEBHOOKS_PER_USER = 20
_WAITING = str(DeliveryState.WAITING)
_DUE_PER_WEBHOOK = 2
_MOST_DUE = 1000


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is due. attempts: made so far, without the one to be claimed."""

    id: str
    user_id: str
    url: str
    attempts: int


class WebhookTable:
    """Each method is one short transaction and returns detached rows."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def add(self, webhook: Webhook) -> None:
        """Add a webhook. Raises TooManyWebhooks."""
        count = select(func.count()).select_from(Webhook).where(Webhook.user_id == webhook.user_id)
        with self._database.write() as session:
            session.get(
                User, webhook.user_id, with_for_update=True
            )  # row lock, so that concurrent requests cannot exceed the limit
            if session.scalars(count).one() >= WEBHOOKS_PER_USER:
                raise TooManyWebhooks(
                    f"you have {WEBHOOKS_PER_USER} webhooks, the maximum: delete one that is no longer used"
                )
            session.add(webhook)

    def of_user(self, user_id: str) -> list[Webhook]:
        """A user's webhooks, newest first."""
        statement = select(Webhook).where(Webhook.user_id == user_id)
        with self._database.read() as session:
            return list(session.scalars(statement.order_by(Webhook.created_at.desc(), Webhook.id)))

    def get(self, user_id: str, webhook_id: str) -> Webhook:
        """A user's webhook. Raises NotFound."""
        with self._database.read() as session:
            return owned(session, Webhook, user_id, webhook_id, "webhook")

    def delete(self, user_id: str, webhook_id: str) -> None:
        """Delete a user's webhook, first its deliveries, of which there may be many. Raises NotFound."""
        self.get(user_id, webhook_id)
        remove_rows(self._database, Delivery, Delivery.webhook_id == webhook_id)
        with self._database.write() as session:
            session.delete(owned(session, Webhook, user_id, webhook_id, "webhook"))

    def deliveries(
        self, user_id: str, webhook_id: str, limit: int, cursor: str | None
    ) -> tuple[list[Delivery], str | None]:
        """A page of a webhook's deliveries, newest first, and the cursor of the next page. Raises NotFound."""
        statement = select(Delivery).where(Delivery.webhook_id == webhook_id)
        with self._database.read() as session:
            found = page(session, statement, Delivery.created_at, limit, cursor)
            owned(session, Webhook, user_id, webhook_id, "webhook")
        return found

    # Deliveries of all users, for the deliverer

    def due(self, now: datetime) -> list[Due]:
        """Due deliveries, oldest first, at most two per webhook so that one backlog cannot starve the others. Those of
        events of a later release are left to it: an attempt here would count, and tell nothing."""
        due = Delivery.id.in_(_oldest(now))
        columns = (Delivery.id, Webhook.user_id, Webhook.url, Delivery.attempts)
        joined = select(*columns).join(Webhook, Webhook.id == Delivery.webhook_id)
        first = joined.where(due).order_by(Delivery.next_at).limit(_MOST_DUE)
        with self._database.read() as session:
            return [Due(row.id, row.user_id, row.url, row.attempts) for row in session.execute(first)]

    def claim(self, due: Due, until: datetime) -> bool:
        """Lease the delivery for one more attempt; False when another process has, or it is deleted. until: end of the
        lease."""
        return self._change(due, due.attempts, attempts=due.attempts + 1, next_at=until)

    def with_subject(self, delivery_id: str) -> tuple[Delivery, Webhook, Job | Raised] | None:
        """A delivery with its webhook, and the job or alert that it is about; None when one of them is deleted."""
        statement = (
            select(Delivery, Webhook, Job, Alert, AlertRule.name)
            .join(Webhook, Webhook.id == Delivery.webhook_id)
            .outerjoin(Job, Job.id == Delivery.job_id)
            .outerjoin(Alert, Alert.id == Delivery.alert_id)
            .outerjoin(AlertRule, AlertRule.id == Alert.rule_id)
            .where(Delivery.id == delivery_id)
        )
        with self._database.read() as session:
            row = session.execute(statement).one_or_none()
        if row is None:
            return None
        delivery, webhook, job, alert, rule_name = row
        subject = job or (Raised(alert, rule_name) if alert else None)
        return None if subject is None else (delivery, webhook, subject)

    def settle(self, due: Due, attempts: int, **values: object) -> bool:
        """Record the result of an attempt; False when another attempt has started meanwhile."""
        return self._change(due, attempts, **values)

    def _change(self, due: Due, seen: int, **values: object) -> bool:
        """Update the delivery if it is still waiting and has this number of attempts."""
        still = (Delivery.id == due.id, Delivery.state == _WAITING, Delivery.attempts == seen)
        with self._database.write() as session:
            result = session.execute(update(Delivery).where(*still).values(**values))
            return result.rowcount == 1  # type: ignore[attr-defined,no-any-return]


def _oldest(now: datetime) -> CompoundSelect[str | None]:
    """The ids of the oldest due deliveries of each webhook. Webhook by webhook, along an index: of one that does not
    answer very many may wait, and to rank them takes long."""
    webhooks = select(func.min(Delivery.webhook_id).label("id")).where(WAITING).cte("waiting", recursive=True)
    following = select(func.min(Delivery.webhook_id)).where(WAITING, Delivery.webhook_id > webhooks.c.id)
    webhooks = webhooks.union_all(select(following.scalar_subquery()).where(webhooks.c.id.is_not(None)))
    theirs = (WAITING, Delivery.webhook_id == webhooks.c.id, Delivery.next_at <= now, Delivery.event.in_(KNOWN_EVENTS))
    mine = select(Delivery.id).where(*theirs).order_by(Delivery.next_at, Delivery.id).limit(1)
    places = (mine.offset(place).scalar_subquery() for place in range(_DUE_PER_WEBHOOK))
    return union_all(*(select(place).select_from(webhooks) for place in places))
