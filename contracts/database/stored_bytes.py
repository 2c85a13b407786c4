"""What a user has stored, as the quota of stored bytes counts it."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contracts.database.tables import REFUSED, Recording, Rendition, StoredBytes, Upload, Video, utcnow
from contracts.wire.renditions import CLIP, REEL, RenditionState

_COUNTED = (CLIP, REEL)
_UNFILED = (Recording.state.in_(("open", "closed")), Recording.video_id.is_(None))
# What was written of it stays as long as its stream.
_FAILED = (Recording.state == "failed", Recording.stream_id.is_not(None))


def stored_bytes(session: Session, user_id: str) -> int:
    """Bytes of a user's videos, clips and reels; of clips and reels that are not made yet, about how many they will
    have; of unfinished uploads, as many as were declared; and of recordings that have ended and are no videos yet, or
    will be none. Videos that were refused, and what was deleted of a recording, do not count."""
    is_made = (Rendition.kind.in_(_COUNTED), Rendition.state != str(RenditionState.FAILED))  # failed ones have no file
    sums = (
        select(StoredBytes.videos).where(StoredBytes.user_id == user_id),
        select(func.sum(Rendition.size_bytes)).where(Rendition.user_id == user_id, *is_made),
        select(func.sum(Upload.size_bytes)).where(Upload.user_id == user_id, Upload.expires_at > utcnow()),
        # `+ ""` disables the index on user_id: of a user's recordings nearly all are videos.
        select(func.sum(Recording.size_bytes)).where(Recording.user_id + "" == user_id, *_UNFILED),
        select(func.sum(Recording.size_bytes)).where(Recording.user_id + "" == user_id, *_FAILED),
        select(-func.sum(Video.size_bytes)).where(Video.user_id == user_id, REFUSED),
    )
    return sum(int(session.scalar(one) or 0) for one in sums)
