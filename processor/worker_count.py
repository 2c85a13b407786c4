"""Number of live workers."""

import logging
import time

import redis

from contracts.workers.registration import Worker, count_workers

log = logging.getLogger(__name__)

_CACHE_SECONDS = 5


class Workers:
    """Number of live workers of a role, cached for 5 s."""

    def __init__(self, client: "redis.Redis", role: Worker) -> None:
        self._redis = client
        self._role = role
        self._count = 0
        self._until = 0.0

    def __call__(self) -> int:
        """The number of them; the last known one when Redis does not answer."""
        if time.monotonic() >= self._until:
            self._until = time.monotonic() + _CACHE_SECONDS
            try:
                self._count = count_workers(self._redis, self._role)
            except redis.RedisError as error:
                log.warning("cannot count the %ss for now: %s", self._role, error)
        return self._count
