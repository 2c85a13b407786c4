"""URLs of database, broker, result store and Redis."""

from dataclasses import dataclass
from typing import Annotated

from contracts.results.urls import check_redis, check_result_store
from contracts.settings.fields import EVERY, meta


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    database_url: Annotated[
        str,
        meta("SQLAlchemy URL of the database. Embedded mode: SQLite in DATA_DIR.", ("api", "processor"), required=True),
    ] = ""
    broker_url: Annotated[
        str, meta("Celery URL of the message broker. Embedded mode: a bundled Valkey.", EVERY, required=True)
    ] = ""
    result_store_url: Annotated[
        str,
        meta(
            "URL of the store for results of running jobs: Redis (redis://, rediss:// or unix://) or PostgreSQL "
            "(postgresql://). Embedded mode: a bundled Valkey.",
            EVERY,
            required=True,
            check=check_result_store,
        ),
    ] = ""
    redis_url: Annotated[
        str,
        meta(
            "Redis URL for locks, events and worker registration; empty means RESULT_STORE_URL if that is Redis. "
            "Embedded mode: the same, or a bundled Valkey.",
            EVERY,
            check=check_redis,
        ),
    ] = ""
    visibility_timeout_seconds: Annotated[
        int,
        meta(
            "Redis broker only: time after which an unacknowledged message is delivered again.", EVERY, ge=30, le=1800
        ),
    ] = 600

    @property
    def coordination_url(self) -> str:
        """Redis URL for locks, leases, events and worker registration."""
        return self.redis_url or self.result_store_url
