"""What the processor notes for webhooks, and the api delivers."""

from enum import StrEnum

JOB_FINISHED = "job.finished"


class DeliveryState(StrEnum):
    """Of a delivery. It waits until it was delivered, or was tried too often."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
