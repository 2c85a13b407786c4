"""The periodic jobs of the processor. One processor runs them every REAPER_SECONDS."""

from collections.abc import Callable
from dataclasses import dataclass

from contracts.coordination import names
from processor.context import Services
from processor.housekeeping import cleanup
from processor.jobs import reaper

_HOUR = 3600
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class PeriodicJob:
    """debounce: the name of its debounce, None to run on every pass. seconds: at least so long between two runs,
    None for REAPER_SECONDS. run: returns True to run again after a minute."""

    debounce: str | None
    seconds: int | None
    run: Callable[[Services], bool | None]


PERIODIC_JOBS = (
    PeriodicJob(names.SWEEP_STORAGE, _HOUR, cleanup.remove_unfinished_files),
    PeriodicJob(names.SWEEP_RESULTS, _MINUTE, cleanup.remove_expired_results),
    PeriodicJob(names.INDEX_WORKERS, _MINUTE, cleanup.index_registrations),
    PeriodicJob(names.EXPIRE_UPLOADS, None, cleanup.expire_uploads),
    PeriodicJob(names.EXPIRE_AUDIT, _HOUR, cleanup.expire_audit_events),
    PeriodicJob(names.HOUSEKEEPING, _HOUR, cleanup.remove_old_and_orphaned),
    PeriodicJob(None, None, reaper.resend_jobs),
    PeriodicJob(None, None, reaper.resend_probes),
    PeriodicJob(None, None, reaper.resend_renditions),
)


def run_due(services: Services) -> None:
    """Run the jobs that are due, in the order of the table."""
    for job in PERIODIC_JOBS:
        seconds = job.seconds or services.settings.reaper_seconds
        if job.debounce is None:
            job.run(services)
        elif services.coordination.debounce(job.debounce, seconds) and job.run(services):
            services.coordination.renew(job.debounce, _MINUTE)
