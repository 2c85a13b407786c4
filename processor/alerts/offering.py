"""Where sightings become alerts."""

import logging
from collections.abc import Iterable, Sequence

from sqlalchemy.exc import IntegrityError

from analytics.alerts.rule import Rule, Sighting, raised_at
from contracts.database.tables import Alert
from processor.alerts.pictures import take_pictures
from processor.alerts.rows import AlertRows
from processor.context import Services

log = logging.getLogger(__name__)


def offer(
    services: Services, user_id: str, sightings: Iterable[Sighting], rules: Sequence[Rule] | None = None
) -> list[Alert]:
    """Raise the alerts of a user's rules for sightings, and return the new ones. Idempotent: sightings may be offered
    again, also with more known of them; a track, or an event, raises one alert of each rule at most.

    rules: those that are asked, None for all of the user that are enabled.
    """
    rows = AlertRows(services.repository.engine)
    asked = rows.rules(user_id) if rules is None else rules
    offered = list(sightings) if asked else []
    raised: list[Alert] = []
    for rule in asked:
        fitting = [(at, sighting) for sighting in offered if (at := raised_at(rule, sighting)) is not None]
        if not fitting:
            continue
        try:
            raised += rows.add(rule, fitting)
        except IntegrityError:
            log.info("what rule %s was to raise alerts for was deleted meanwhile", rule.id)
    take_pictures(services, raised)
    return raised
