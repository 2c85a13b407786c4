"""Indexes the tracks of jobs that no task indexed: of an earlier release, or from a backup."""

import logging
import time
from collections.abc import Iterator, Sequence

from sqlalchemy import Engine

from contracts.coordination import names
from contracts.database.tables import Job, Video
from contracts.errors import CorruptData, NotFound
from contracts.storage.port import Storage
from processor.context import Services
from processor.search.index import index_stored
from processor.search.rows import SearchRows

log = logging.getLogger(__name__)

_SECONDS = 30  # a longer call would delay what waits for the same processor
_PLACE_SECONDS = 24 * 3600


def index_missing(services: Services) -> bool:
    """Index what is not indexed, for a while, from where the call before it has stopped; whether there is more."""
    rows, until = SearchRows(services.repository.engine), time.monotonic() + _SECONDS
    place: str | None = services.coordination.place(names.INDEX_TRACKS)
    while place is not None:
        pairs, end = rows.unindexed(place)
        for job, problem in _index(services.repository.engine, services.storage, pairs):
            if problem:
                log.warning("the tracks of job %s cannot be searched: %s", job.id, problem)
            place = job.id
            if time.monotonic() > until:
                break
        else:
            place = end
        if time.monotonic() > until:
            break
    services.coordination.keep_place(names.INDEX_TRACKS, place, _PLACE_SECONDS)
    return place is not None


def index_all(engine: Engine, storage: Storage, *, again: bool = False) -> Iterator[tuple[Job, str]]:
    """Index the jobs with tracks that are not indexed, and yield each, with what went wrong or an empty text.

    again: those that are indexed too. Raises StorageUnavailable.
    """
    place: str | None = ""
    while place is not None:
        pairs, place = SearchRows(engine).with_tracks(place, indexed=again)
        yield from _index(engine, storage, pairs)


def _index(engine: Engine, storage: Storage, pairs: Sequence[tuple[Job, Video]]) -> Iterator[tuple[Job, str]]:
    for job, video in pairs:
        try:
            index_stored(engine, storage, job, video)
        except (CorruptData, NotFound) as error:
            yield job, error.detail
        else:
            yield job, ""
