"""Number of live detectors."""

import logging
import time

import redis

from contracts.workers.registration import count_workers

log = logging.getLogger(__name__)

_CACHE_SECONDS = 5


class Detectors:
    """Number of live detectors, cached for 5 s."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._count = 0
        self._until = 0.0

    def __call__(self) -> int:
        """The number of detectors; the last known one when Redis does not answer."""
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + _CACHE_SECONDS
            try:
                self._count = count_workers(self._redis, "detector")
            except redis.RedisError as error:
                log.warning("cannot count the detectors for now: %s", error)
        return self._count
