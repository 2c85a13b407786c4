"""How many detectors there are."""

import logging
import time

import redis

from contracts.workers.registration import count_workers

log = logging.getLogger(__name__)

_KEPT_SECONDS = 5


class Detectors:
    """Counts the detectors that are there, at most every some seconds: all keys of the store are gone through."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._count = 0
        self._until = 0.0

    def __call__(self) -> int:
        """How many there are; as many as before when the store does not answer."""
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + _KEPT_SECONDS
            try:
                self._count = count_workers(self._redis, "detector")
            except redis.RedisError as error:
                log.warning("the detectors cannot be counted for now: %s", error)
        return self._count
