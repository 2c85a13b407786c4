"""Why a rule raises no alerts, in words, with what to do. Pure."""

from contracts.database.tables import AlertRule
from contracts.wire.alert_failures import AlertFailure

_WORDS = {
    AlertFailure.UNKNOWN: (
        "The rule says what the processors of this service do not know, so they do not ask it: save it again without "
        "that, or have them updated."
    ),
    AlertFailure.TOO_MANY_EVENTS: (
        "A job had too many events at the scene of the rule, so the rule raised no alerts of it: divide the zones and "
        "lines of the scene among several, or draw lines with fewer turns."
    ),
}
_ERROR = (
    "An unexpected error keeps the rule from raising alerts: save it again, and if that does not help, ask your "
    "operator, who finds the cause in the log of the processors."
)


def alert_rule_error(rule: AlertRule) -> dict[str, str] | None:
    """The error of a rule that fails; None for one that works. A later release may know other failures."""
    if rule.failure is None:
        return None
    return {"code": rule.failure, "detail": _detail(rule)}


def _detail(rule: AlertRule) -> str:
    if rule.failure == AlertFailure.SCHEDULE:
        zone = (rule.schedule or {}).get("timezone")
        return (
            f"The processors of this service cannot tell when the rule is on, probably since they do not know its time "
            f"zone {zone}: choose another one, or let the rule be always on."
        )
    return next((words for failure, words in _WORDS.items() if failure == rule.failure), _ERROR)
