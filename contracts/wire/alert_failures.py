"""Why an alert rule raises no alerts: noted by the processor, told by the api."""

from enum import StrEnum


class AlertFailure(StrEnum):
    """What is wrong with a rule. A later release may know more."""

    UNKNOWN = "unknown"  # it says what no processor of this release knows
    SCHEDULE = "schedule"  # when it is on cannot be told, as in a time zone that is not known
    TOO_MANY_EVENTS = "too_many_events"  # of a job at its scene, which was left out
    ERROR = "error"  # any other


# What a rule as it is shows by itself; the others arise when it is asked.
OF_ITSELF = frozenset({AlertFailure.UNKNOWN, AlertFailure.SCHEDULE})
