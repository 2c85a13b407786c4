"""What webhooks are to be told, noted in the transaction of what happened: neither is ever there alone."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.database.tables import Delivery, Job, Webhook, new_id, utcnow
from contracts.wire.webhooks import JOB_FINISHED, DeliveryState


def note_end(session: Session, job_id: str) -> None:
    """A job ends in this transaction: note a delivery for each webhook of its user."""
    mine = select(Webhook.id).join(Job, Job.user_id == Webhook.user_id).where(Job.id == job_id)
    # Held until the deliveries are noted: one that is deleted meanwhile must not undo the end of the job.
    held = mine.with_for_update(of=Webhook, read=True, key_share=True)
    now = utcnow()
    for webhook_id in session.scalars(held).all():
        session.add(
            Delivery(
                id=new_id(),
                webhook_id=webhook_id,
                job_id=job_id,
                event=JOB_FINISHED,
                state=str(DeliveryState.WAITING),
                next_at=now,
                created_at=now,
            )
        )
