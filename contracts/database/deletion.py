"""Deletes the rows of videos and jobs, and says whose files are left to delete.

Rows are locked in one order: a video, its jobs, its renditions, its recording, the sum of stored bytes; of each kind in
the order of the ids. Whoever changes several of them in a transaction keeps to it, since PostgreSQL ends one of two
transactions that wait for each other. What is inserted for a video or a job waits while that is locked here.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.orm import Session

from contracts.database.tables import Job, ReelVideo, Rendition, UnindexedJob, Video
from contracts.wire.renditions import CLIP


@dataclass(frozen=True, slots=True)
class DeletedVideo:
    """The ids of its jobs, its clips, and the reels that showed a part of it."""

    jobs: list[str]
    clips: list[str]
    reels: list[str]


def video_with_jobs(session: Session, video_id: str, *, lock: bool = False) -> tuple[Video, list[Job]] | None:
    """A video and its jobs; None when it has been deleted. lock: until the end of the transaction."""
    video = session.get(Video, video_id, with_for_update=lock)
    if video is None:
        return None
    jobs = select(Job).where(Job.video_id == video_id).order_by(Job.id)
    return video, list(session.scalars(jobs.with_for_update() if lock else jobs))


def delete_video_rows(session: Session, video: Video, jobs: list[Job]) -> DeletedVideo:
    """Delete a video with its jobs, all locked, its renditions, and the reels that show a part of it."""
    clips = select(Rendition.id).where(Rendition.video_id == video.id, Rendition.kind == CLIP)
    reels = select(ReelVideo.reel_id).where(ReelVideo.video_id == video.id)
    deleted = DeletedVideo([job.id for job in jobs], list(session.scalars(clips)), list(session.scalars(reels)))
    _delete_renditions(session, or_(Rendition.id.in_(deleted.reels), Rendition.video_id == video.id))
    session.execute(delete(Job).where(Job.video_id == video.id))
    session.execute(delete(Video).where(Video.id == video.id))
    session.execute(delete(UnindexedJob).where(UnindexedJob.job_id.in_(deleted.jobs)))
    return deleted


def delete_job_rows(session: Session, job: Job) -> None:
    """Delete a job, which is locked, with its renditions."""
    _delete_renditions(session, Rendition.job_id == job.id)
    session.execute(delete(Job).where(Job.id == job.id))
    session.execute(delete(UnindexedJob).where(UnindexedJob.job_id == job.id))


def _delete_renditions(session: Session, which: ColumnElement[bool]) -> None:
    ids = list(session.scalars(select(Rendition.id).where(which).order_by(Rendition.id).with_for_update()))
    # In one statement: at its end the sum of stored bytes is locked.
    session.execute(delete(Rendition).where(Rendition.id.in_(ids)))
