"""The plans by which a stream is analysed, in Redis for as long as the results that were made by them."""

import time
from typing import Any

import redis

from contracts.live import keys, results
from contracts.live.plans import revision_of

# A Redis that has lost its data has the plan again after so long, and with it what the results mean.
_AGAIN_SECONDS = 5.0


class StreamPlans:
    """Those of one stream; for one thread. Raises RedisError."""

    def __init__(self, client: "redis.Redis", stream_id: str) -> None:
        self._redis, self._id = client, stream_id
        self._number, self._plan, self._seconds, self._due = 0, b"", 0.0, 0.0

    def follow(self, number: int, plan: bytes, seconds: float) -> None:
        """Results have this plan from now on, and are kept for so long. Forgets plans that no result has any more."""
        self._number, self._plan, self._seconds, self._due = number, plan, seconds, 0.0
        self.write()
        stored: Any = self._redis.hkeys(keys.plans(self._id))
        oldest = self._oldest_revision()
        old = [one for one in stored if revision_of(int(one)) < oldest]
        if old:
            self._redis.hdel(keys.plans(self._id), *old)

    def write(self) -> None:
        """Write the plan, unless that was just done."""
        now = time.monotonic()
        if not self._plan or now < self._due:
            return
        key = keys.plans(self._id)
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hset(key, str(self._number), self._plan)
            pipe.expire(key, int(self._seconds + _AGAIN_SECONDS) + 1)
            pipe.execute()
        self._due = now + _AGAIN_SECONDS

    def _oldest_revision(self) -> int:
        """The first one that a result may have."""
        found: Any = self._redis.xrange(keys.results(self._id), count=1)
        oldest = results.read(found[0][1]) if found else None
        if found and oldest is None:  # of a later release
            return 0
        return revision_of(self._number if oldest is None else min(oldest.plan, self._number))
