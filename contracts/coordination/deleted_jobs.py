"""Which jobs were deleted of late, for those who listen: no row says so any more."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import redis
from redis import RedisError

from contracts.database.tables import utcnow

log = logging.getLogger(__name__)

# Whoever was away for longer asks for the whole list.
KEPT = timedelta(days=1)


class Gone:
    """One sorted set per user in Redis, of the jobs' ids by the time of their end."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client

    def note(self, user: str, job_ids: Iterable[str]) -> None:
        """These jobs are deleted. Nothing happens when Redis does not answer: lists are right all the same."""
        now = utcnow()
        scores: dict[Any, float] = {job_id: now.timestamp() for job_id in job_ids}
        if not scores:
            return
        try:
            with self._redis.pipeline() as pipe:
                pipe.zadd(_key(user), scores)
                pipe.zremrangebyscore(_key(user), 0, (now - KEPT).timestamp())
                pipe.expire(_key(user), KEPT)
                pipe.execute()
        except RedisError as error:
            log.warning("nobody is told that %d jobs are deleted: %s", len(scores), error)

    def since(self, users: Sequence[str], time: datetime) -> list[tuple[str, str]]:
        """User and id of the jobs of these users that were deleted from then on. Raises RedisError."""
        with self._redis.pipeline() as pipe:
            for user in users:
                pipe.zrangebyscore(_key(user), time.timestamp(), "+inf")
            answers: list[list[bytes]] = pipe.execute()
        return [(user, job_id.decode()) for user, ids in zip(users, answers, strict=True) for job_id in ids]


def _key(user: str) -> str:
    return f"wd:gone:{user}"
