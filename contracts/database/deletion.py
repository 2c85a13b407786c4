"""Deletes the rows of a video, and says whose files are left to delete."""

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contracts.database.tables import Job, Rendition, Video
from contracts.wire.renditions import CLIP


@dataclass(frozen=True, slots=True)
class DeletedVideo:
    """The ids of its jobs, and of its clips."""

    jobs: list[str]
    clips: list[str]


def delete_rows(session: Session, video: Video, jobs: list[str]) -> DeletedVideo:
    """Delete a video with its jobs and renditions."""
    clips = select(Rendition.id).where(Rendition.video_id == video.id, Rendition.kind == CLIP)
    deleted = DeletedVideo(jobs, list(session.scalars(clips)))
    session.execute(delete(Rendition).where(Rendition.video_id == video.id))
    session.execute(delete(Job).where(Job.video_id == video.id))
    session.delete(video)
    return deleted
