"""Deletes the rows of a video, and says whose files are left to delete."""

from dataclasses import dataclass

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from contracts.database.tables import Job, ReelVideo, Rendition, Video
from contracts.wire.renditions import CLIP


@dataclass(frozen=True, slots=True)
class DeletedVideo:
    """The ids of its jobs, its clips, and the reels that showed a part of it."""

    jobs: list[str]
    clips: list[str]
    reels: list[str]


def delete_rows(session: Session, video: Video, jobs: list[str]) -> DeletedVideo:
    """Delete a video with its jobs and renditions, and the reels that show a part of it."""
    clips = select(Rendition.id).where(Rendition.video_id == video.id, Rendition.kind == CLIP)
    reels = select(ReelVideo.reel_id).where(ReelVideo.video_id == video.id)
    deleted = DeletedVideo(jobs, list(session.scalars(clips)), list(session.scalars(reels)))
    # In one statement, at whose end the sum of stored bytes is locked: whoever changes a rendition locks it after that.
    session.execute(delete(Rendition).where(or_(Rendition.id.in_(deleted.reels), Rendition.video_id == video.id)))
    session.execute(delete(Job).where(Job.video_id == video.id))
    session.delete(video)
    return deleted
