"""Publishes the rows of streams to ingest and detectors, which restores what a lost Redis knew."""

import logging

import msgspec
from redis import RedisError

from contracts.coordination.quotas import quotas_of
from contracts.live.registry import StreamRegistry
from contracts.live.spec_of import published
from processor.context import Services
from processor.recordings.rows import RecordingRows

log = logging.getLogger(__name__)


def publish_streams(services: Services) -> None:
    """Publish all streams. A user whose stored bytes are used up is not recorded any more, until there is room."""
    rows, registry = RecordingRows(services.repository.engine), StreamRegistry(services.live)
    try:
        before = registry.revision()
        full = _full_users(services, rows)
        streams = {}
        for row in rows.streams():
            try:
                streams[row.id] = published(row, is_full=row.user_id in full)
            except msgspec.ValidationError as error:
                log.warning("stream %s is of another release: %s", row.id, error)
        registry.replace_all(streams, before)
    except RedisError as error:
        log.warning("cannot publish the streams for now: %s", error)


def _full_users(services: Services, rows: RecordingRows) -> set[str]:
    """Users with streams whose quota of stored bytes is used up."""
    found = set()
    for user_id, own in rows.quotas().items():
        most = quotas_of(services.settings, own).stored_bytes
        if most and rows.stored_bytes(user_id) >= most:
            found.add(user_id)
    return found
