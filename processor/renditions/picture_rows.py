"""When pictures of a job's tracks are made: after the tracks, and anew with them."""

import logging

from kombu.exceptions import OperationalError
from sqlalchemy import delete

from contracts.database.engine import Database
from contracts.database.tables import Job, Rendition, utcnow
from contracts.storage.port import rendition_key
from contracts.wire.renditions import PICTURES, RenditionState, rendition_id
from processor.context import Services
from processor.task_signatures import render_signature

log = logging.getLogger(__name__)


def renew_pictures(services: Services, job: Job, tracks: int) -> None:
    """Call before the tracks of a job are replaced by so many: pictures of those of before are not shown any more, and
    new ones are wanted, if there are tracks. The renderer makes none while tracks are being made."""
    row_id = rendition_id(job.video_id, job.id, PICTURES)
    wanted = services.settings.track_pictures == "on" and tracks > 0
    with Database(services.repository.engine).write() as session:
        row = session.get(Rendition, row_id)
        # Locked until the row is there, so that a deletion of the job takes it too.
        if not wanted or session.get(Job, job.id, with_for_update={"read": True, "key_share": True}) is None:
            session.execute(delete(Rendition).where(Rendition.id == row_id))
        else:
            if row is None:
                owner = {"user_id": job.user_id, "video_id": job.video_id, "job_id": job.id}
                row = Rendition(id=row_id, kind=PICTURES, options={}, **owner)
                session.add(row)
            # A renderer that still works on those of before sees by created_at that they are outdated.
            row.state, row.created_at, row.frames_done = str(RenditionState.QUEUED), utcnow(), 0
            row.frames_total = row.size_bytes = row.content_type = row.error = row.finished_at = None
    services.storage.delete(rendition_key(job.video_id, job.id, PICTURES))


def send_pictures(services: Services, job: Job) -> None:
    """Send the pictures of a job that wait to be made. Lost ones are sent again by the reaper."""
    row = services.repository.rendition(rendition_id(job.video_id, job.id, PICTURES))
    if row is None or row.state != RenditionState.QUEUED:
        return
    try:
        render_signature(services, row).apply_async()
    except (OperationalError, ConnectionError) as error:
        log.warning("the pictures of job %s cannot be sent to be made for now: %s", job.id, error)
