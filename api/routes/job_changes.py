"""Reads changes of jobs and renditions, and new alerts, for event streams: first what has changed, then its content."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from api.context import Services, context
from api.notify.event_hub import Change, Key
from api.routes import jobs
from api.tables.jobs import ChangedJob
from api.tables.renditions import ChangedRendition
from api.web.representations import alert_representation, rendition_representation
from contracts.wire.job_states import ACTIVE, WORKING, JobState
from contracts.wire.renditions import UNFINISHED

# Rows that are in memory at once, and about how many bytes of them are encoded at once.
_ROWS = 50
_EVENTS = ("job", "rendition", "alert", "gone")
_MAX_BYTES = 1024 * 1024


def changes(users: Sequence[str], since: datetime) -> list[Change]:
    """Jobs of these users that are at work; jobs and renditions that have changed since then; alerts that were raised
    and jobs that were deleted since then. Costs nothing for jobs that only wait."""
    return _changes(users, since, WORKING, ())


def all_active(user: str, since: datetime) -> list[Change]:
    """The same, and all that is queued."""
    return _changes([user], since, ACTIVE, UNFINISHED)


def of_job(user: str, since: datetime, job_id: str) -> list[Change]:
    """One job, whatever its state; the user's renditions and deleted jobs as in `all_active`."""
    services = context.current()
    return _told(services, [user], since, services.jobs.identified(job_id), UNFINISHED)


def load(wanted: Sequence[Change]) -> dict[Key, bytes | None]:
    """The content of changes as JSON, None for what is gone. Without the last ones where it would be much at once."""
    services = context.current()
    loaded: dict[Key, bytes | None] = {}
    size = 0
    for start in range(0, len(wanted), _ROWS):
        if size > _MAX_BYTES:
            break
        some = wanted[start : start + _ROWS]
        found = _content(services, some)
        size += sum(map(len, found.values()))
        loaded.update((change.key, found.get(change.key)) for change in some)
    return loaded


def _changes(
    users: Sequence[str], since: datetime, job_states: Collection[JobState], rendition_states: Collection[str]
) -> list[Change]:
    services = context.current()
    rows = services.jobs.changed(users, since, job_states)
    return _told(services, users, since, rows, rendition_states)


def _told(
    services: Services,
    users: Sequence[str],
    since: datetime,
    rows: Sequence[ChangedJob],
    rendition_states: Collection[str],
) -> list[Change]:
    renditions = services.renditions.changed(users, since, rendition_states)
    # Last, so that a job that is deleted meanwhile does not reappear.
    gone = services.deleted_jobs.since(users, since)
    return [
        *_jobs(services, rows),
        *map(_rendition, renditions),
        *(Change(user, "alert", alert_id, None, None, None) for alert_id, user in services.alerts.raised(users, since)),
        *(Change(user, "gone", job_id, job_id, None, None) for user, job_id in gone),
    ]


def _jobs(services: Services, rows: Sequence[ChangedJob]) -> Iterable[Change]:
    working = [row.id for row in rows if row.state in WORKING]
    progress = dict(zip(working, services.store.progress_of(working), strict=True)) if working else {}
    for row in rows:
        done = progress[row.id].frames if row.id in progress else None
        yield Change(row.user_id, "job", row.id, row.id, row.video_id, (row.changed_at, done))


def _rendition(row: ChangedRendition) -> Change:
    return Change(row.user_id, "rendition", row.id, row.job_id, row.video_id, row.changed_at)


def _content(services: Services, wanted: Sequence[Change]) -> Mapping[Key, bytes]:
    ids = {event: [change.id for change in wanted if change.event == event] for event in _EVENTS}
    shapes = {
        "job": jobs.representations(services, services.jobs.by_ids(ids["job"])) if ids["job"] else (),
        "rendition": map(rendition_representation, services.renditions.by_ids(ids["rendition"])),
        "alert": (alert_representation(one.alert, one.rule_name) for one in services.alerts.by_ids(ids["alert"])),
        "gone": ({"id": job_id} for job_id in ids["gone"]),
    }
    return {(event, str(shape["id"])): msgspec.json.encode(shape) for event, some in shapes.items() for shape in some}
