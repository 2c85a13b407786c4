"""Changes that concern rows of other tables."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from contracts.database.tables import Job, utcnow
from contracts.wire.job_states import ACTIVE

_ACTIVE = [str(state) for state in ACTIVE]


def note_video_change(session: Session, video_id: str) -> None:
    """Mark the active jobs of a video as changed: clients see its metadata and poster in them."""
    mine = (Job.video_id == video_id, Job.state.in_(_ACTIVE))
    session.execute(update(Job).where(*mine).values(changed_at=utcnow()))
