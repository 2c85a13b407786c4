"""Indexes the tracks of jobs that no task indexed: of an earlier release, or from a backup."""

import logging
import time
from collections.abc import Iterator

from sqlalchemy import Engine

from contracts.database.tables import Job
from contracts.errors import CorruptData, NotFound
from contracts.storage.port import Storage
from processor.context import Services
from processor.search.index import index_stored
from processor.search.rows import SearchRows

log = logging.getLogger(__name__)

_AT_ONCE = 50
_SECONDS = 30  # a longer call would delay what waits for the same processor


def index_missing(services: Services) -> bool:
    """Index what is not indexed, for a while; whether there is more."""
    until = time.monotonic() + _SECONDS
    for job, problem in index_all(services.repository.engine, services.storage):
        if problem:
            log.warning("the tracks of job %s cannot be searched: %s", job.id, problem)
        if time.monotonic() > until:
            return True
    return False


def index_all(engine: Engine, storage: Storage, *, again: bool = False) -> Iterator[tuple[Job, str]]:
    """Index the jobs with tracks that are not indexed, and yield each, with what went wrong or an empty text.

    again: those that are indexed too. Raises StorageUnavailable.
    """
    rows, after = SearchRows(engine), ""
    while pairs := rows.with_tracks(after, _AT_ONCE, indexed=again):
        for job, video in pairs:
            try:
                index_stored(engine, storage, job, video)
            except (CorruptData, NotFound) as error:
                yield job, error.detail
            else:
                yield job, ""
        after = pairs[-1][0].id
