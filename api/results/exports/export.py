"""What is exported, and what an export format is. Pure except for reading segments."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from api.results.selection import Selection, walk
from api.results.sources import Frames
from api.results.track_state import GONE
from contracts.database.tables import Job, Video
from contracts.errors import StoreUnavailable, TracksMissing
from contracts.results.codec import Block
from contracts.results.tracks_file import TracksFile
from contracts.wire.messages import to_json


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported: job, video, frames, and the selection.

    bom: whether CSV begins with a byte order mark, without which Excel does not read it as UTF-8.
    """

    job: Job
    video: Video
    frames: Frames
    selection: Selection
    bom: bool = False

    def every(self, masks: bool = False, first_frame: int = 0, last_frame: int | None = None) -> Iterator[Block]:
        """All frames from first_frame to the end of the segment of last_frame, with all objects. Raises
        StoreUnavailable when they expire in the store meanwhile, because a truncated file would look complete."""
        for block in walk(self.frames, self.selection, masks, first_frame, last_frame):
            if block is None:
                raise StoreUnavailable("the results expired while they were read: try again")
            yield block

    def blocks(self, masks: bool = False, first_frame: int = 0, last_frame: int | None = None) -> Iterator[Block]:
        """The same frames with their selected objects, without frames that have none."""
        return (self.selection.apply(block) for block in self.every(masks, first_frame, last_frame))


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """An export format: its name and purpose in the web UI, file suffix, media type, writer, and whether the job must
    have tracks. write: raises errors of the request at once, and returns the file in pieces."""

    title: str
    purpose: str
    suffix: str
    media_type: str
    write: Callable[[Export], Iterator[bytes]]
    needs_tracks: bool = False


def tracks_of(export: Export) -> TracksFile:
    """The tracks of a job that must have some. Raises TracksMissing."""
    if export.frames.tracks is None:
        raise TracksMissing(GONE)
    return export.frames.tracks


def separated(groups: Iterator[list[bytes]]) -> Iterator[bytes]:
    """The items of a JSON list, group by group."""
    comma = b"\n"
    for group in groups:
        if group:
            yield comma + b",\n".join(group)
            comma = b",\n"


def info(export: Export) -> dict[str, Any]:
    """What the frames are of: the same for the same job, whenever it is asked for."""
    job, video, header = export.job, export.video, export.frames.header
    plan = header.plan
    return {
        "job": {
            "id": job.id,
            "state": job.state,
            "complete": header.complete,
            "options": job.options,
            "error": job.error,
            "failed_ranges": job.failed_ranges,
            **({} if header.dropped is UNSET else {"dropped": to_json(header)["dropped"]}),
            "created_at": job.created_at,
            "finished_at": job.finished_at,
        },
        "video": {
            "id": video.id,
            "name": video.name,
            "recorded_at": video.recorded_at,
            "source": video.source,
            "tags": video.tags,
            "sha256": video.sha256,
            "media": to_json(header.media),
        },
        "model": {
            "id": plan.model,
            "digest": plan.model_digest,
            "engine": plan.engine,
            "precision": plan.precision,
            "provider": plan.provider,
            "labels": [label for label in header.labels if label],
        },
        "filter": to_json(export.selection.query),
    }
