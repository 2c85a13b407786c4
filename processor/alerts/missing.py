"""Asks the rules about jobs that nobody asked them about: the process was killed, or something was away."""

import logging
import time

from sqlalchemy.exc import SQLAlchemyError

from contracts.database.tables import utcnow
from contracts.errors import CorruptData, NotFound, Unavailable
from contracts.results.tracks_file import TracksFile
from contracts.storage.port import tracks_key
from processor.alerts.recorded import OLDEST, alert_of_job
from processor.alerts.rows import AlertRows
from processor.context import Services

log = logging.getLogger(__name__)

_AT_ONCE = 50
_SECONDS = 30  # a longer call would delay what waits for the same processor


def alert_missing(services: Services) -> bool:
    """Ask the rules about such jobs, for a while; whether there is more. Raises StorageUnavailable."""
    rows = AlertRows(services.repository.engine)
    until = time.monotonic() + _SECONDS
    jobs = rows.unasked(utcnow() - OLDEST, _AT_ONCE)
    for job in jobs:
        try:
            with services.storage.open(tracks_key(job.video_id, job.id)) as source:
                tracks = TracksFile(source).tracks()
            alert_of_job(services, job, tracks)
        except (CorruptData, NotFound) as error:
            log.warning("job %s raises no alerts: %s", job.id, error.detail)
            rows.note_job(job.id)
        except (Unavailable, SQLAlchemyError):
            raise
        except Exception:  # of one job or rule, which must not keep the others waiting
            log.exception("the rules could not be asked about job %s", job.id)
        if time.monotonic() > until:
            return True
    return len(jobs) == _AT_ONCE
