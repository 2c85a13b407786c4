"""What a user has stored, as the quota of stored bytes counts it."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contracts.database.tables import Recording, Rendition, StoredBytes, Upload, utcnow
from contracts.wire.renditions import CLIP, REEL, RenditionState

_COUNTED = (CLIP, REEL)
_UNFILED = ("open", "closed")  # states of a recording before it is a video, or failed


def stored_bytes(session: Session, user_id: str) -> int:
    """Bytes of a user's videos, clips and reels; of clips and reels that are not made yet, about how many they will
    have; of unfinished uploads, as many as were declared; and of recordings that have ended and are no videos yet."""
    unfiled = (Recording.video_id.is_(None), Recording.state.in_(_UNFILED))
    is_made = (Rendition.kind.in_(_COUNTED), Rendition.state != str(RenditionState.FAILED))  # failed ones have no file
    sums = (
        select(StoredBytes.videos).where(StoredBytes.user_id == user_id),
        select(func.sum(Rendition.size_bytes)).where(Rendition.user_id == user_id, *is_made),
        select(func.sum(Upload.size_bytes)).where(Upload.user_id == user_id, Upload.expires_at > utcnow()),
        # `+ ""` disables the index on user_id: of a user's recordings nearly all are videos.
        select(func.sum(Recording.size_bytes)).where(Recording.user_id + "" == user_id, *unfiled),
    )
    return sum(int(session.scalar(one) or 0) for one in sums)
