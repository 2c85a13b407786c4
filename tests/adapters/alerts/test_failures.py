"""What is noted of rules that fail, in the tables."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from analytics.alerts.rule import Rule
from contracts.database.tables import AlertRule
from contracts.wire.alert_failures import AlertFailure
from processor.alerts import rows
from processor.alerts.failures import RuleFailures, check_rules
from processor.alerts.offering import offer
from processor.alerts.rows import rule_of
from tests.adapters.alerts.test_offering import add_rule, add_stream, services, sighting
from tests.support.searching import SearchDesk

NOWHERE = {"timezone": "Nowhere/At_All"}


def row(desk: SearchDesk, rule: AlertRule) -> AlertRule:
    with Session(desk.engine) as session:
        return session.get_one(AlertRule, rule.id)


def failure(desk: SearchDesk, rule: AlertRule) -> str | None:
    found = row(desk, rule)
    assert (found.failed_at is None) == (found.failure is None)
    return found.failure


def change(desk: SearchDesk, rule: AlertRule, **values: Any) -> None:
    with Session(desk.engine) as session, session.begin():
        for name, value in values.items():
            setattr(session.get_one(AlertRule, rule.id), name, value)


def as_asked(desk: SearchDesk, rule: AlertRule) -> Rule:
    asked = rule_of(row(desk, rule))
    assert asked is not None
    return asked


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ({"schedule": NOWHERE}, AlertFailure.SCHEDULE),
        ({"search": {"label": ["person"], "colour": "red"}}, AlertFailure.UNKNOWN),
    ],
)
def test_a_rule_that_cannot_be_asked_as_it_is_fails_until_it_can(
    desk: SearchDesk, broken: dict[str, Any], expected: AlertFailure
) -> None:
    failures, rule, other = RuleFailures(desk.engine), add_rule(desk), add_rule(desk, **broken, enabled=False)
    before = {name: getattr(rule, name) for name in broken}
    change(desk, rule, **broken)
    check_rules(services(desk))
    since = row(desk, rule).failed_at
    check_rules(services(desk))
    failures.clear([rule.id])  # it was asked about something that did not bring it to light
    assert (failure(desk, rule), row(desk, rule).failed_at) == (expected, since)
    assert failure(desk, other) is None, "it is off"
    change(desk, rule, **before)
    check_rules(services(desk))
    assert failure(desk, rule) is None


def test_an_error_is_noted_of_the_rule_as_it_was_and_stays_until_it_can_be_asked(desk: SearchDesk) -> None:
    failures, rule, changed = RuleFailures(desk.engine), add_rule(desk), add_rule(desk)
    for one in (rule, changed):
        asked = as_asked(desk, one)
        if one is changed:
            change(desk, one, search={"label": ["dog"]})
        failures.note_error(asked)
    check_rules(services(desk))
    assert (failure(desk, rule), failure(desk, changed)) == (AlertFailure.ERROR, None)
    failures.clear([rule.id, changed.id])
    assert failure(desk, rule) is None


def test_a_rule_that_fails_where_it_raises_alerts_works_again_when_it_raises_one(
    desk: SearchDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule, stream, told = add_rule(desk), add_stream(desk), set[Rule]()

    def fail(*_: object) -> None:
        raise ValueError

    with monkeypatch.context() as patched:
        patched.setattr(rows, "_chosen", fail)
        offer(services(desk), desk.user_id, [sighting(stream)], told=told)
    assert failure(desk, rule) == AlertFailure.ERROR
    offer(services(desk), desk.user_id, [sighting(stream)], told=told)
    assert failure(desk, rule) is None
