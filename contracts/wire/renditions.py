"""Renditions of videos: kinds, states and options."""

from enum import StrEnum
from typing import Literal

import msgspec

from contracts.errors import NotFound
from contracts.wire.tasks import QUEUE_PROCESSOR, QUEUE_RENDER, task_id

VideoKind = Literal["poster", "playable"]
JobKind = Literal["annotated", "blurred", "pictures"]
Kind = Literal["poster", "playable", "annotated", "blurred", "pictures"]
VIDEO_KINDS: tuple[VideoKind, ...] = ("poster", "playable")
JOB_KINDS: tuple[JobKind, ...] = ("annotated", "blurred", "pictures")
PICTURES: JobKind = "pictures"  # of a job's tracks


class RenditionState(StrEnum):
    """queued -> running -> ready or failed. A new request queues it again."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


UNFINISHED = frozenset({RenditionState.QUEUED, RenditionState.RUNNING})


class RenditionOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which objects are drawn. min_score: least score, 0 to 1. labels: names to keep, None for all. Unknown fields are
    ignored here, as in messages, and refused by the HTTP API."""

    min_score: float | None = None
    labels: tuple[str, ...] | None = None


def rendition_id(video_id: str, job_id: str | None, kind: str) -> str:
    """Id of the one rendition of a kind. Raises NotFound for a malformed video or job id."""
    try:
        return task_id(job_id or video_id, kind)
    except ValueError:
        raise NotFound("there is no such rendition") from None


def render_queue(kind: str) -> str:
    """Queue of a rendition. Posters take a moment and must not wait for copies, which may take hours."""
    return QUEUE_PROCESSOR if kind == "poster" else QUEUE_RENDER
