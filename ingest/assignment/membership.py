"""What an ingest says of itself: its registration and its heartbeat file."""

import logging

import msgspec
import redis
from redis.exceptions import RedisError

from contracts.workers import heartbeat
from contracts.workers.registration import IngestLoad, register, unregister

log = logging.getLogger(__name__)


class Membership:
    """Of one process."""

    def __init__(
        self, client: "redis.Redis", instance: str, heartbeat_file: str, load: IngestLoad | None = None
    ) -> None:
        """load: what it says of its settings."""
        self.instance = instance
        self._redis = client
        self._file = heartbeat_file
        self._load = load or IngestLoad(instance)

    def renew(self, streams: int) -> None:
        """About once a second. streams: how many are read. Raises RedisError."""
        if self._file:  # without Redis an ingest waits, and is healthy
            heartbeat.beat(self._file)
        load = msgspec.structs.replace(self._load, streams=streams)
        register(self._redis, "ingest", self.instance, msgspec.json.encode(load))

    def end(self) -> None:
        """At an orderly stop."""
        if self._file:
            heartbeat.end(self._file)
        try:
            unregister(self._redis, "ingest", self.instance)
        except RedisError as error:
            log.warning("the registration is left to expire: %s", error)
