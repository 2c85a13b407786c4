"""Publishing streams to ingest and detectors, after the rows have been committed."""

import logging

import redis

from api.access.quotas import UserQuotas
from api.tables.streams import StreamTable
from contracts.live.registry import StreamRegistry
from contracts.live.spec_of import published

log = logging.getLogger(__name__)


class Publisher:
    """Publishes the rows. The processor repeats it for all streams now and then, so that an error here delays a change
    and loses none."""

    def __init__(self, table: StreamTable, quotas: UserQuotas, client: "redis.Redis") -> None:
        self._table, self._quotas = table, quotas
        self._registry = StreamRegistry(client)

    def publish(self, stream_id: str) -> None:
        """Publish the newest row of a stream, or its deletion.

        The row is read again afterwards: of two processes that change a stream at the same time, the later one to
        publish publishes the newer row.
        """
        try:
            self._publish(stream_id)
        except redis.RedisError as error:
            log.warning("cannot publish stream %s, the processor will: %r", stream_id, error)

    def _publish(self, stream_id: str) -> None:
        revision = None
        while (row := self._table.find(stream_id)) is not None and row.revision != revision:
            self._registry.publish(*published(row, is_full=self._quotas.is_full(row.user_id)))
            revision = row.revision
        if row is None:
            self._registry.remove(stream_id)
