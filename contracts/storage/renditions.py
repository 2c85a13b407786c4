"""Under which key a rendition is stored."""

from contracts.storage.port import clip_key, reel_key, rendition_key
from contracts.wire.renditions import CLIP, REEL


def key_of(row_id: str, video_id: str, job_id: str | None, kind: str) -> str:
    """Key of a rendition, by its row's id and what it is of."""
    if kind == REEL:
        return reel_key(row_id)
    return clip_key(video_id, row_id) if kind == CLIP else rendition_key(video_id, job_id, kind)
