"""Webhook deliveries: created by the processor, sent by the api."""

from enum import StrEnum

JOB_FINISHED = "job.finished"
ALERT_RAISED = "alert.raised"


class DeliveryState(StrEnum):
    """State of a delivery: waiting until it is delivered or out of attempts."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
