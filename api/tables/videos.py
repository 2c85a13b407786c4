"""Videos and unfinished resumable uploads, as the api reads and changes them. Users see only their own."""

from datetime import datetime

from sqlalchemy import Engine, delete, exists, func, select, update
from sqlalchemy.orm import Session

from api.access.quotas import Guard
from api.tables.queries import found, looked_at, owned, page
from contracts.database.deletion import DeletedVideo, delete_video_rows, video_with_jobs
from contracts.database.engine import Database
from contracts.database.removing import unindex
from contracts.database.tables import Job, Upload, User, Video, utcnow
from contracts.errors import JobsRunning, TooManyUploads
from contracts.wire.job_states import ACTIVE

# Among which one request looks for those without a job.
LOOKED_AT = 5000
_ACTIVE = [str(state) for state in ACTIVE]


class VideoTable:
    """Each method is one short transaction, a deletion several, and returns detached rows."""

    def __init__(self, engine: Engine) -> None:
        self._database = Database(engine)

    def add(self, video: Video, guard: Guard) -> Video:
        """Add a video. Raises what the guard raises."""
        with self._database.write() as session:
            guard(session)
            session.add(video)
        return video

    def get(self, user_id: str, video_id: str) -> Video:
        """A user's video. Raises NotFound."""
        with self._database.read() as session:
            return owned(session, Video, user_id, video_id, "video")

    def page(
        self, user_id: str, limit: int, cursor: str | None, *, without_job: bool = False
    ) -> tuple[list[Video], str | None]:
        """A page of a user's videos, newest first, and the cursor of the next page. Those without a job are looked for
        among so many at a time: a page with room left may have a next one. Raises InvalidCursor."""
        mine = select(Video).where(Video.user_id == user_id)
        with self._database.read() as session:
            if not without_job:
                return page(session, mine, Video.created_at, limit, cursor)
            part, after = looked_at(session, mine, Video.created_at, LOOKED_AT, cursor)
            bare = part.where(~exists().where(Job.video_id == Video.id))
            videos, following = page(session, bare, Video.created_at, limit, cursor)
            return videos, following or after

    def delete(self, user_id: str, video_id: str) -> DeletedVideo:
        """Delete a video and its jobs, first what they have in the index. Raises NotFound, JobsRunning."""
        with self._database.read() as session:
            _idle(session, user_id, video_id)
        unindex(self._database, Job.video_id == video_id)
        with self._database.write() as session:
            return delete_video_rows(session, *_idle(session, user_id, video_id, lock=True))

    # Resumable uploads

    def add_upload(self, upload: Upload, most: int, guard: Guard) -> None:
        """Add an upload. Raises TooManyUploads, and what the guard raises. most: unfinished uploads per user."""
        unfinished = select(func.count()).where(Upload.user_id == upload.user_id, Upload.expires_at > utcnow())
        with self._database.write() as session:
            session.get(
                User, upload.user_id, with_for_update=True
            )  # row lock, so that concurrent requests cannot exceed the limit
            if (session.scalar(unfinished) or 0) >= most:
                raise TooManyUploads(f"you have {most} unfinished uploads, the maximum: finish or delete one")
            guard(session)
            session.add(upload)

    def upload(self, user_id: str, upload_id: str) -> Upload:
        """A user's unfinished upload. Raises NotFound, also when it has expired."""
        with self._database.read() as session:
            upload = owned(session, Upload, user_id, upload_id, "upload")
            return found(upload if upload.expires_at > utcnow() else None, "upload: it has expired")

    def extend_upload(self, upload_id: str, expires_at: datetime) -> None:
        """Set the expiry of an upload."""
        with self._database.write() as session:
            session.execute(update(Upload).where(Upload.id == upload_id).values(expires_at=expires_at))

    def become_video(self, video: Video) -> None:
        """Replace the complete upload of that id by the video. Raises NotFound when the upload has been deleted."""
        with self._database.write() as session:
            done = session.execute(delete(Upload).where(Upload.id == video.id)).rowcount  # type: ignore[attr-defined]
            found(done or None, "upload")
            session.add(video)

    def delete_upload(self, upload_id: str) -> None:
        """Delete the row of an upload."""
        with self._database.write() as session:
            session.execute(delete(Upload).where(Upload.id == upload_id))


def _idle(session: Session, user_id: str, video_id: str, *, lock: bool = False) -> tuple[Video, list[Job]]:
    """A user's video on which no job runs, and its jobs. Raises NotFound, JobsRunning."""
    known = video_with_jobs(session, video_id, lock=lock)
    video, jobs = found(known if known is not None and known[0].user_id == user_id else None, "video")
    running = [job.id for job in jobs if job.state in _ACTIVE]
    if running:
        raise JobsRunning(f"job {running[0]} of this video has not ended: cancel it first, or wait")
    return video, jobs
