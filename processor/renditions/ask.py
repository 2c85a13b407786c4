"""Renders in a sandboxed child process."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import BinaryIO

import msgspec

from contracts.errors import StorageUnavailable, VideoRefused
from contracts.storage.port import Storage, index_key, video_key
from contracts.storage.range_reader import watched
from contracts.wire.messages import Media
from contracts.wire.pictures import FramePicture
from contracts.wire.renditions import CLIP, Reel, RenditionOptions
from media.child_output import TooSlow, printed, require_alive, started
from media.file_handover import STORAGE_FAILED, handed
from processor.renditions.protocol import ReelVideo, Report, Request, Work

_START_SECONDS = 60
_SECONDS_PER_FRAME = 0.1
_PIXELS_PER_SECOND = 10e6
_LEAD_IN = 1000  # frames before a piece that are decoded for it, at most
_PATIENCE = 4  # seconds of wall time per second of CPU time, since jobs have priority
_FIRST_BYTES = 256 * 1024**2
_BYTES_PER_FRAME = 128 * 1024
_MOST_BYTES = 64 * 1024  # of a report
# How many frames count for the limit; of other kinds all. A single frame needs those of its group before it.
_DECODED: dict[Work, int] = {"poster": 1, "frames": 1000}
_DIED = "rendering it broke the renderer: the video is damaged, or made to do harm"
_SLOW = "rendering it took longer than is allowed for a video of its length: it may be damaged"

# Called about once a second with the progress (None: unchanged); returns False to abort.
Tick = Callable[[Report | None], bool]


class Unwanted(Exception):
    """The tick has aborted the rendition."""


class SourceVideo(msgspec.Struct, frozen=True):
    """A video of a reel."""

    id: str
    media: Media


class Sources(msgspec.Struct, frozen=True):
    """Storage keys of the inputs of a rendition. results, tracks: of the job that it shows, where it needs them.
    videos: of a reel; then video and index are of the first one."""

    video: str
    index: str
    results: str | None = None
    tracks: str | None = None
    videos: tuple[SourceVideo, ...] = ()


def make(
    storage: Storage,
    sources: Sources,
    target: BinaryIO,
    kind: Work,
    media: Media,
    options: RenditionOptions,
    tick: Tick,
    frames: Sequence[FramePicture] = (),
) -> Report:
    """Render into target, an empty file. Returns the final report. frames: see Request.

    Raises VideoRefused when it cannot be made, NotFound when an input was deleted, StorageUnavailable, ChildKilled,
    Unwanted.
    """
    with ExitStack() as stack:

        def descriptor(key: str) -> int:
            source = stack.enter_context(storage.open(key))
            return stack.enter_context(handed(stack.enter_context(watched(source))))

        copied = storage.size(sources.video) if kind == CLIP else 0
        request = Request(
            kind=kind,
            media=media,
            video=descriptor(sources.video),
            index=descriptor(sources.index),
            results=descriptor(sources.results) if sources.results else None,
            target=target.fileno(),
            options=options,
            cpu_seconds=_reel_seconds(sources, options.reel) if options.reel else cpu_seconds(kind, media),
            file_bytes=_FIRST_BYTES + _BYTES_PER_FRAME * _encoded(media, sources, options) + copied,
            parent=os.getpid(),
            tracks=descriptor(sources.tracks) if sources.tracks else None,
            frames=tuple(frames),
            videos=tuple(
                ReelVideo(one.id, one.media, descriptor(video_key(one.id)), descriptor(index_key(one.id)))
                for one in sources.videos
            ),
        )
        return _ask(request, tick)


def _encoded(media: Media, sources: Sources, options: RenditionOptions) -> int:
    """How many frames are encoded at most, about."""
    if options.reel is None:
        return media.frames
    rates = {one.id: one.media.fps for one in sources.videos}
    return sum(round((piece.to_ms - piece.from_ms) * rates[piece.video_id] / 1000) + 1 for piece in options.reel.pieces)


def _reel_seconds(sources: Sources, reel: Reel) -> int:
    """CPU time limit of a reel: each piece is decoded from a keyframe on."""
    seconds = float(_START_SECONDS)
    videos = {one.id: one.media for one in sources.videos}
    for piece in reel.pieces:
        media = videos[piece.video_id]
        frames = min(media.frames, _LEAD_IN + round((piece.to_ms - piece.from_ms) * media.fps / 1000))
        seconds += frames * (_SECONDS_PER_FRAME + media.width * media.height / _PIXELS_PER_SECOND)
    return round(seconds)


def cpu_seconds(kind: Work, media: Media) -> int:
    """CPU time limit of a rendition, by the number and size of the frames."""
    frames = min(media.frames, _DECODED.get(kind, media.frames))
    return round(_START_SECONDS + frames * (_SECONDS_PER_FRAME + media.width * media.height / _PIXELS_PER_SECOND))


def _ask(request: Request, tick: Tick) -> Report:
    optional = [descriptor for descriptor in (request.results, request.tracks) if descriptor is not None]
    more = [descriptor for one in request.videos for descriptor in (one.video, one.index)]
    passed = [request.video, request.index, request.target, *optional, *more]
    command = [sys.executable, "-m", "processor.renditions.child", msgspec.json.encode(request).decode()]
    output = b"\n"  # the last complete line, and the incomplete one after it

    def told() -> None:
        if not tick(_report(output.rpartition(b"\n")[0])):
            raise Unwanted

    with started(command, passed) as child:
        try:
            for piece in printed(child, _PATIENCE * request.cpu_seconds, told):
                output = b"\n".join((output + piece).split(b"\n")[-2:])
                if len(output) > _MOST_BYTES:
                    raise VideoRefused(_DIED)
        except TooSlow:
            raise VideoRefused(_SLOW) from None
    return _outcome(child.returncode, output.rstrip(b"\n").rpartition(b"\n")[2])


def _outcome(status: int, output: bytes) -> Report:
    if status == STORAGE_FAILED:
        raise StorageUnavailable(output.decode(errors="replace"))
    require_alive(status)
    report = _report(output)
    if status or report is None:
        raise VideoRefused(_DIED)
    if report.failed or not report.content_type:
        raise VideoRefused(report.failed or _DIED)
    return report


def _report(line: bytes) -> Report | None:
    try:
        return msgspec.json.decode(line, type=Report)
    except msgspec.MsgspecError:  # incomplete, or no output yet
        return None
