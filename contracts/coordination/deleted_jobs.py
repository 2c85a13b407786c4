"""Recently deleted jobs, so that event-stream clients can be told after the rows are gone."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import redis
from redis import RedisError

from contracts.database.tables import utcnow

log = logging.getLogger(__name__)

# A client that was away for longer has to fetch the whole list.
RETENTION = timedelta(days=1)


class DeletedJobs:
    """One sorted set per user in Redis, of job ids by the time of deletion."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client

    def add(self, user: str, job_ids: Iterable[str]) -> None:
        """Record deleted jobs. Only logs when Redis does not answer: job lists are right all the same."""
        now = utcnow()
        scores: dict[Any, float] = {job_id: now.timestamp() for job_id in job_ids}
        if not scores:
            return
        try:
            with self._redis.pipeline() as pipe:
                pipe.zadd(_key(user), scores)
                pipe.zremrangebyscore(_key(user), 0, (now - RETENTION).timestamp())
                pipe.expire(_key(user), RETENTION)
                pipe.execute()
        except RedisError as error:
            log.warning("event-stream clients are not told that %d jobs are deleted: %s", len(scores), error)

    def since(self, users: Sequence[str], time: datetime) -> list[tuple[str, str]]:
        """(user, job id) of these users' jobs that were deleted at `time` or later. Raises RedisError."""
        with self._redis.pipeline() as pipe:
            for user in users:
                pipe.zrangebyscore(_key(user), time.timestamp(), "+inf")
            answers: list[list[bytes]] = pipe.execute()
        return [(user, job_id.decode()) for user, ids in zip(users, answers, strict=True) for job_id in ids]


def _key(user: str) -> str:
    return f"wd:gone:{user}"
