"""Where sightings become alerts."""

import logging
from collections.abc import Iterable, Sequence

from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from analytics.alerts.rule import Rule, Sighting, raised_at
from contracts.database.outages import is_outage, took_too_long
from contracts.database.tables import Alert
from processor.alerts.failures import RuleFailures
from processor.alerts.pictures import take_pictures
from processor.alerts.rows import AlertRows
from processor.context import Services

log = logging.getLogger(__name__)


def offer(
    services: Services,
    user_id: str,
    sightings: Iterable[Sighting],
    rules: Sequence[Rule] | None = None,
    broken: set[str] | None = None,
    told: set[Rule] | None = None,
    late: set[str] | None = None,
) -> list[Alert]:
    """Raise the alerts of a user's rules for sightings, and return the new ones. Idempotent: sightings may be offered
    again, also with more known of them; a track, or an event, raises one alert of each rule at most.

    rules: those that are asked, None for all of the user that are enabled. A rule that cannot be asked is logged, its
    failure noted, and it keeps no other from being told. broken: the ids of such rules, which are not asked; those that
    are found are added. told: those whose failure has been logged and noted, which is not done again before they could
    be asked: then it is forgotten. late: where it is given, the ids of rules for which the database took too long are
    added, and nothing is logged or noted of them: they are to be offered the same again. Raises the database's error
    where that is away.
    """
    broken, told = (set() if broken is None else broken), (set() if told is None else told)
    rows, failures = AlertRows(services.repository.engine), RuleFailures(services.repository.engine)
    asked = rows.rules(user_id) if rules is None else rules
    offered = list(sightings) if asked else []
    raised: list[Alert] = []
    for rule in asked:
        if rule.id in broken:
            continue
        try:
            raised += _raise(rows, rule, offered)
            if rule in told:
                failures.clear([rule.id])
            told.discard(rule)
        except Exception as error:
            if isinstance(error, SQLAlchemyError) and is_outage(error):
                raise
            if late is not None and isinstance(error, SQLAlchemyError) and took_too_long(error):
                late.add(rule.id)
                continue
            if rule not in told:
                log.exception("rule %s raises no alerts", rule.id)
                failures.note_error(rule)
            told.add(rule)
            broken.add(rule.id)
    take_pictures(services, raised)
    return raised


def _raise(rows: AlertRows, rule: Rule, offered: Sequence[Sighting]) -> list[Alert]:
    fitting = [(at, sighting) for sighting in offered if (at := raised_at(rule, sighting)) is not None]
    if not fitting:
        return []
    try:
        return rows.add(rule, fitting)
    except IntegrityError:
        log.info("what rule %s was to raise alerts for was deleted meanwhile", rule.id)
        return []
