"""Makes tracks searchable."""

import hashlib
import logging
from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from contracts.database.tables import Job, Video
from contracts.errors import WebDetectorError
from contracts.results.result_file import ResultFile
from contracts.results.tracks import Tracks
from contracts.results.tracks_file import TracksFile
from contracts.storage.port import Storage, result_key, tracks_key
from contracts.wire.messages import ResultHeader
from processor.context import Services
from processor.search.columns import Placed, beginning, extent, rows_of
from processor.search.rows import SearchRows

log = logging.getLogger(__name__)

Found = tuple[ResultHeader, Tracks]


def index_tracks(services: Services, job: Job, tracks: Tracks) -> bool:
    """Make the tracks of a job searchable: see `index`. Raises NotFound, CorruptData."""
    video = services.repository.video(job.video_id)
    if video is None:
        return False
    return index(services.repository.engine, job, video, lambda: (_header(services.storage, job), tracks))


def index_stored(engine: Engine, storage: Storage, job: Job, video: Video) -> bool:
    """The same with the tracks that are stored."""

    def read() -> Found:
        with storage.open(tracks_key(video.id, job.id)) as source:
            tracks = TracksFile(source).tracks()
        return _header(storage, job), tracks

    return index(engine, job, video, read)


def index(engine: Engine, job: Job, video: Video, read: Callable[[], Found]) -> bool:
    """Make the tracks of a job searchable, in place of earlier ones of the same job; these are found until the new ones
    are complete. Of several processes that do it at once, the one that began last counts.

    read: what gives the tracks with the header of the job's result. It is called after the beginning, so that what is
    stored anew meanwhile counts, by whomever it is indexed. Returns False when the job was deleted, or another process
    does it. Raises what `read` raises.
    """
    rows = SearchRows(engine)
    try:
        source = rows.terms(job.user_id, "source", [video.source])[video.source] if video.source else None
        indexed_id = rows.begin(job, source)
        try:
            header, tracks = read()
        except WebDetectorError:
            rows.remove(indexed_id)
            raise
        seen = {header.labels[number] for number in set(tracks.class_id.tolist())}
        terms = rows.terms(job.user_id, "label", seen)
        labels = tuple(terms.get(label, 0) for label in header.labels)
        placed = Placed(labels, source, beginning(video.recorded_at, video.created_at))
        rows.write(indexed_id, rows_of(tracks, header, placed))
        facts = {"tracks": len(tracks), "labels": _digest(header.labels), **extent(tracks, header, placed)}
        return rows.finish(job.id, indexed_id, **facts)
    except IntegrityError:
        log.info("job %s was deleted, or indexed by another process, while its tracks were indexed", job.id)
        return False


def _digest(labels: Sequence[str]) -> str:
    """The same of the same labels, in whichever order."""
    return hashlib.sha256(msgspec.json.encode(sorted(set(labels)))).hexdigest()


def _header(storage: Storage, job: Job) -> ResultHeader:
    with storage.open(result_key(job.video_id, job.id)) as source:
        return ResultFile(source).header
