"""Reads changes of jobs and renditions for event streams."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from api.context import context
from api.notify.event_hub import Change
from api.routes import jobs
from api.web.representations import rendition_representation


def read(users: Sequence[str], since: datetime, job_id: str | None = None) -> list[Change]:
    """Active jobs and renditions of these users, and those that ended or were deleted since then.

    job_id: a job to include in any case.
    """
    services = context.current()
    rows = services.jobs.changed(users, since, job_id)
    owners = {row.id: row.user_id for row in rows}
    changes = [_job(owners[shape["id"]], shape) for shape in jobs.representations(services, rows)]
    for row in services.renditions.changed(users, since):
        shape = rendition_representation(row)
        data = msgspec.json.encode(shape)
        changes.append(Change(row.user_id, "rendition", row.id, row.job_id, row.video_id, data, data))
    # Last, so that a job that is deleted meanwhile does not reappear.
    for user, gone in services.deleted_jobs.since(users, since):
        data = msgspec.json.encode({"id": gone})
        changes.append(Change(user, "gone", gone, gone, None, data, data))
    return changes


def _job(user: str, shape: dict[str, Any]) -> Change:
    # Without fps and eta_s, which change with the clock although nothing happens.
    still = {**shape, "progress": {**shape["progress"], "fps": None, "eta_s": None}}
    data, mark = msgspec.json.encode(shape), msgspec.json.encode(still)
    return Change(user, "job", shape["id"], shape["id"], shape["video_id"], data, mark)
