"""Asks the rules about jobs that nobody asked them about, and links the alerts of streams to recordings that nobody
linked them to: the process was killed, or something was away."""

import logging
import math
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from contracts.coordination import names
from contracts.database.tables import Job, utcnow
from contracts.errors import CorruptData, NotFound, Unavailable
from contracts.results.tracks_file import TracksFile
from contracts.storage.port import tracks_key
from processor.alerts.recorded import OLDEST, alert_of_job, link_alerts
from processor.alerts.rows import AlertRows, Place
from processor.context import Services

log = logging.getLogger(__name__)

_SECONDS = 30  # a longer call would delay what waits for the same processor
# After which a job that stays unseen is asked about again, say for a rule of a later release.
_AGAIN_SECONDS = 3600
# What ended lately is looked at in each call, of what ended before, some thousands of jobs in turn.
_LATELY = timedelta(hours=1)
_PARTS = 5
_PLACE_SECONDS = 24 * 3600


def alert_missing(services: Services) -> bool:
    """Ask the rules about such jobs, for a while: about those that ended lately, and some that ended before, from where
    the call before it has stopped. Returns whether there is more. Raises StorageUnavailable."""
    rows, until = AlertRows(services.repository.engine), time.monotonic() + _SECONDS
    now = utcnow()
    lately: Place = (now - _LATELY, "")
    if _ask_between(services, rows, lately, None, until) is not None:
        return True
    place = _ask_between(services, rows, max(_place(services), (now - OLDEST, "")), lately, until, _PARTS)
    kept = place and " ".join((place[0].isoformat(), place[1]))
    services.coordination.keep_place(names.ALERT_JOBS, kept, _PLACE_SECONDS)
    return place is not None


def _place(services: Services) -> Place:
    time, _, job = services.coordination.place(names.ALERT_JOBS).partition(" ")
    return (datetime.fromisoformat(time), job) if time else (datetime.min.replace(tzinfo=UTC), "")


def _ask_between(
    services: Services, rows: AlertRows, place: Place, end: Place | None, until: float, parts: float = math.inf
) -> Place | None:
    """Ask about the jobs between two places, until a time and in so many parts at most. Returns where to go on, None at
    the end."""
    while parts > 0:
        jobs, following = rows.unasked(place, end)
        # Those that were asked about lately keep no newer one waiting.
        free = set(services.coordination.locks.free([names.ask_rules(job.id) for job in jobs]))
        for job in jobs:
            if names.ask_rules(job.id) not in free:
                continue
            _ask(services, rows, job)
            services.coordination.renew(names.ask_rules(job.id), _AGAIN_SECONDS)
            place = (job.finished_at or place[0], job.id)
            if time.monotonic() > until:
                return place
        if following is None:
            return None
        place, parts = following, parts - 1
        if time.monotonic() > until:
            return place
    return place


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
