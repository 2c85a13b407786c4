"""What is rendered from videos: the kinds, the states, and what may be chosen."""

from enum import StrEnum
from typing import Literal

import msgspec

from contracts.errors import NotFound
from contracts.wire.tasks import QUEUE_PROCESSOR, QUEUE_RENDER, task_id

VideoKind = Literal["poster", "playable"]
Kind = Literal["poster", "playable", "annotated"]
# Of a video; the annotated copy is of a job.
VIDEO_KINDS: tuple[VideoKind, ...] = ("poster", "playable")
ANNOTATED: Kind = "annotated"


class RenditionState(StrEnum):
    """queued -> running -> ready or failed. Asked for anew, it is queued again."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


UNFINISHED = frozenset({RenditionState.QUEUED, RenditionState.RUNNING})


class RenditionOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which objects are drawn. min_score: least score, 0 to 1. labels: names to keep, None for all."""

    min_score: float | None = None
    labels: tuple[str, ...] | None = None


def rendition_id(video_id: str, job_id: str | None, kind: str) -> str:
    """The id of a rendition: there is one of each kind. Raises NotFound for what is no id of a video or job."""
    try:
        return task_id(job_id or video_id, kind)
    except ValueError:
        raise NotFound("there is no such rendition") from None


def render_queue(kind: str) -> str:
    """Where a rendition is made: posters take a moment, and must not wait for copies, which may take hours."""
    return QUEUE_PROCESSOR if kind == "poster" else QUEUE_RENDER
