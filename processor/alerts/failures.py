"""Which rules raise no alerts, and why: noted in their rows, where their users see it."""

from collections.abc import Callable, Iterable

from sqlalchemy import Engine, select

from analytics.alerts.rule import Rule
from analytics.alerts.schedule import problem
from contracts.database.engine import Database
from contracts.database.tables import AlertRule, utcnow
from contracts.wire.alert_failures import OF_ITSELF, AlertFailure
from processor.alerts.rows import rule_of
from processor.context import Services


def check_rules(services: Services) -> None:
    """Note which rules cannot be asked as they are, and which can be again."""
    RuleFailures(services.repository.engine).check()


class RuleFailures:
    """Each method runs in short transactions of its own. A rule that is off has no failure."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def note(self, rule: Rule, failure: AlertFailure) -> None:
        """Note that a rule fails, unless it was changed meanwhile."""
        self._change(rule.id, lambda row: failure if rule_of(row) == rule else row.failure)

    def note_error(self, rule: Rule) -> None:
        """Note that a rule raised an error."""
        self.note(rule, AlertFailure.ERROR if _has_schedule(rule) else AlertFailure.SCHEDULE)

    def clear(self, rule_ids: Iterable[str]) -> None:
        """Note that rules could be asked."""
        failing = select(AlertRule.id).where(AlertRule.id.in_(list(rule_ids)), AlertRule.failure.is_not(None))
        with self._database.read() as session:
            found = session.scalars(failing).all()
        for rule_id in found:
            self._change(rule_id, _of_itself)

    def check(self) -> None:
        """Note what each rule shows by itself."""
        with self._database.read() as session:
            rows = session.scalars(select(AlertRule).where(AlertRule.enabled)).all()
        for rule_id in [row.id for row in rows if _checked(row) != row.failure]:
            self._change(rule_id, _checked)

    def _change(self, rule_id: str, failure_of: Callable[[AlertRule], str | None]) -> None:
        with self._database.read() as session:
            row = session.get(AlertRule, rule_id)
            if row is None or failure_of(row) == row.failure:
                return
        with self._database.write() as session:
            row = session.get(AlertRule, rule_id, with_for_update=True)
            failure = failure_of(row) if row is not None and row.enabled else None
            if row is not None and row.failure != failure:
                row.failure, row.failed_at = failure and str(failure), utcnow() if failure else None


def _has_schedule(rule: Rule) -> bool:
    """Whether it can be told when a rule is on."""
    return rule.schedule is None or problem(rule.schedule) is None


def _of_itself(row: AlertRule) -> str | None:
    """The failure that a rule shows without being asked, None for none."""
    rule = rule_of(row)
    if rule is None:
        return AlertFailure.UNKNOWN
    return None if _has_schedule(rule) else AlertFailure.SCHEDULE


def _checked(row: AlertRule) -> str | None:
    """The same, else the failure that it had when it was asked."""
    return _of_itself(row) or (None if row.failure in OF_ITSELF else row.failure)
