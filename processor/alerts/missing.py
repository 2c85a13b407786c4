"""Asks the rules about jobs that nobody asked them about, and links the alerts of streams to recordings that nobody
linked them to: the process was killed, or something was away."""

import logging
import time
from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from contracts.coordination import names
from contracts.database.tables import Job, utcnow
from contracts.errors import CorruptData, NotFound, Unavailable
from contracts.results.tracks_file import TracksFile
from contracts.storage.port import tracks_key
from processor.alerts.recorded import OLDEST, alert_of_job, link_alerts
from processor.alerts.rows import AlertRows
from processor.context import Services

log = logging.getLogger(__name__)

_AT_ONCE = 500
_SECONDS = 30  # a longer call would delay what waits for the same processor
# After which a job that stays unseen is asked about again, say for a rule of a later release.
_AGAIN_SECONDS = 3600


def alert_missing(services: Services) -> bool:
    """Ask the rules about such jobs, for a while; whether there is more. Raises StorageUnavailable."""
    rows = AlertRows(services.repository.engine)
    until = time.monotonic() + _SECONDS
    for job in _due(services, rows):
        _ask(services, rows, job)
        services.coordination.renew(names.ask_rules(job.id), _AGAIN_SECONDS)
        if time.monotonic() > until:
            return True
    return False


def _due(services: Services, rows: AlertRows) -> Iterator[Job]:
    """All of them but those that were asked about lately, which keep no newer one waiting."""
    since = utcnow() - OLDEST
    last: Job | None = None
    while jobs := rows.unasked(since, _AT_ONCE, last):
        free = set(services.coordination.locks.free([names.ask_rules(job.id) for job in jobs]))
        yield from (job for job in jobs if names.ask_rules(job.id) in free)
        last = jobs[-1]


def _ask(services: Services, rows: AlertRows, job: Job) -> None:
    try:
        with services.storage.open(tracks_key(job.video_id, job.id)) as source:
            tracks = TracksFile(source).tracks()
        link_alerts(services, job, tracks)
        alert_of_job(services, job, tracks)
    except (CorruptData, NotFound) as error:
        log.warning("job %s raises no alerts: %s", job.id, error.detail)
        rows.note_job(job.id)
    except (Unavailable, SQLAlchemyError):
        raise
    except Exception:  # of one job or rule, which must not keep the others waiting
        log.exception("the rules could not be asked about job %s", job.id)
