"""Renditions of videos: kinds, states and options."""

from enum import StrEnum
from typing import Literal, get_args

import msgspec

from contracts.errors import NotFound
from contracts.wire.tasks import QUEUE_PROCESSOR, QUEUE_RENDER, task_id

VideoKind = Literal["poster", "playable"]
JobKind = Literal["annotated", "blurred", "pictures"]
Kind = Literal["poster", "playable", "annotated", "blurred", "pictures", "clip", "reel"]
# Those that this release can make; others wait for a renderer of a later one.
KNOWN_KINDS: frozenset[str] = frozenset(get_args(Kind))
VIDEO_KINDS: tuple[VideoKind, ...] = ("poster", "playable")
JOB_KINDS: tuple[JobKind, ...] = ("annotated", "blurred", "pictures")
PICTURES: JobKind = "pictures"  # of a job's tracks
CLIP: Kind = "clip"  # of which a video has many
REEL: Kind = "reel"  # of parts of several videos


class RenditionState(StrEnum):
    """queued -> running -> ready or failed. A new request queues it again."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


UNFINISHED = frozenset({RenditionState.QUEUED, RenditionState.RUNNING})


class Part(msgspec.Struct, frozen=True):
    """The part of a video that a clip shows, in ms: from the frame that is shown at from_ms to the last one that begins
    before to_ms. exact: encoded anew, so that it begins at that frame; else it is cut, and begins at the keyframe
    before."""

    from_ms: int
    to_ms: int
    exact: bool = False


class Piece(msgspec.Struct, frozen=True):
    """A part of a video in a reel, in ms, and at_ms: where it begins there."""

    video_id: str
    from_ms: int
    to_ms: int
    at_ms: int


class Reel(msgspec.Struct, frozen=True):
    """A file of pieces, each in the middle of pictures of one size in pixels. left_out: how many hits had no room."""

    name: str
    pieces: tuple[Piece, ...]
    width: int
    height: int
    left_out: int = 0


class RenditionOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which objects are drawn, and what is shown. min_score: least score, 0 to 1. labels: names to keep, None for all.
    part: of a clip. reel: the pieces of a reel. Unknown fields are ignored here, as in messages, and refused by the
    HTTP API."""

    min_score: float | None = None
    labels: tuple[str, ...] | None = None
    part: Part | None = None
    reel: Reel | None = None


def rendition_id(video_id: str, job_id: str | None, kind: str) -> str:
    """Id of the one rendition of a kind. Raises NotFound for a malformed video or job id."""
    try:
        return task_id(job_id or video_id, kind)
    except ValueError:
        raise NotFound("there is no such rendition") from None


def clip_id(video_id: str, part: Part) -> str:
    """Id of the one clip of a part of a video. Raises NotFound for a malformed video id."""
    return rendition_id(video_id, None, f"{CLIP} {part.from_ms} {part.to_ms} {part.exact}")


def render_queue(kind: str) -> str:
    """Queue of a rendition. Posters take a moment and must not wait for copies, which may take hours."""
    return QUEUE_PROCESSOR if kind == "poster" else QUEUE_RENDER
