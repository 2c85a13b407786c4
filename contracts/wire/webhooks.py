"""Webhook deliveries: created by the processor, sent by the api."""

from enum import StrEnum

JOB_FINISHED = "job.finished"
ALERT_RAISED = "alert.raised"
# Those that this release can tell of. Deliveries of others wait for an api of a later one.
KNOWN_EVENTS = (JOB_FINISHED, ALERT_RAISED)


class DeliveryState(StrEnum):
    """State of a delivery: waiting until it is delivered or out of attempts."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
