"""The periodic jobs of the processor, run by one of all every REAPER_SECONDS: lost work is sent again in one task, and
clean-up, which may take long, is another."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from celery import Celery

from contracts.coordination import names
from contracts.errors import Unavailable
from contracts.wire.tasks import HOUSEKEEP, QUEUE_RECOVERY, REAP
from processor.alerts.failures import check_rules
from processor.alerts.following import keep_following
from processor.alerts.missing import alert_missing
from processor.alerts.retention import expire_alerts
from processor.context import Services
from processor.housekeeping import cleanup
from processor.jobs import reaper
from processor.recordings.publishing import publish_streams
from processor.recordings.reaper import resend_recordings
from processor.recordings.retention import expire_recordings
from processor.search.backfill import index_missing
from processor.tracking.waiting import track_waiting

log = logging.getLogger(__name__)

_HOUR = 3600
_MINUTE = 60
_PUBLISH_SECONDS = 10


@dataclass(frozen=True, slots=True)
class CleanUp:
    """debounce: the name of its debounce. seconds: at least so long between two runs, None for REAPER_SECONDS. run:
    returns True to run again after a minute."""

    debounce: str
    seconds: int | None
    run: Callable[[Services], bool | None]


RECOVERY: tuple[Callable[[Services], None], ...] = (
    reaper.resend_jobs,
    reaper.resend_probes,
    reaper.resend_renditions,
    resend_recordings,
    keep_following,
)
CLEAN_UPS = (
    CleanUp(names.PUBLISH_STREAMS, _PUBLISH_SECONDS, publish_streams),
    CleanUp(names.EXPIRE_RECORDINGS, _MINUTE, expire_recordings),
    CleanUp(names.TRACK_JOBS, _MINUTE, track_waiting),
    CleanUp(names.CHECK_RULES, _MINUTE, check_rules),
    CleanUp(names.ALERT_JOBS, _MINUTE, alert_missing),
    CleanUp(names.INDEX_WORKERS, _MINUTE, cleanup.index_registrations),
    CleanUp(names.SWEEP_RESULTS, _MINUTE, cleanup.remove_expired_results),
    CleanUp(names.EXPIRE_UPLOADS, None, cleanup.expire_uploads),
    CleanUp(names.EXPIRE_AUDIT, _HOUR, cleanup.expire_audit_events),
    CleanUp(names.EXPIRE_ALERTS, _HOUR, expire_alerts),
    CleanUp(names.INDEX_TRACKS, _HOUR, index_missing),
    CleanUp(names.HOUSEKEEPING, _HOUR, cleanup.remove_old_and_orphaned),
)


def send_periodic(app: Celery) -> None:
    """Send the tasks of recovery and clean-up, unless one waits: it does what is due when it is run, however late. They
    do not expire: behind work of which there is always more, each would come to its turn too late. Raises
    kombu.exceptions.OperationalError where the broker is away."""
    if not _waits(app):
        for task in (REAP, HOUSEKEEP):
            app.signature(task).apply_async()


def recover(services: Services) -> None:
    """Send lost work again. All of it is tried, whatever fails; raises the last error."""
    with ExitStack() as steps:
        for resend in reversed(RECOVERY):
            steps.callback(resend, services)


def clean_up(services: Services) -> None:
    """Run the clean-up jobs that are due. One that fails for now stops no other."""
    for job in CLEAN_UPS:
        if services.coordination.debounce(job.debounce, job.seconds or services.settings.reaper_seconds):
            try:
                again = job.run(services)
            except Unavailable as error:
                log.warning("%s failed for now: %s", job.debounce, error.detail)
                continue
            if again:
                services.coordination.renew(job.debounce, _MINUTE)


def _waits(app: Celery) -> bool:
    """Whether a message of recovery or clean-up is in its queue. Where the broker does not tell, none is: Redis has no
    empty queues, and one that is away refuses what is sent."""
    with app.connection_for_write() as connection:
        try:
            connection.connect()
            return bool(connection.default_channel.queue_declare(QUEUE_RECOVERY, passive=True).message_count)
        except Exception as error:  # of whichever library the broker is reached by
            log.debug("cannot see whether messages wait in %s: %r", QUEUE_RECOVERY, error)
            return False
