"""Choice of the result store by the scheme of its URL. Only the chosen implementation is imported."""

from contracts.results.port import ResultStore
from contracts.results.urls import check_result_store, is_redis


def open_result_store(url: str, ttl_seconds: int) -> ResultStore:
    """The result store at a URL; connects at the first use. ttl_seconds: lifetime of a job's data after its last
    write. Raises SettingsError."""
    check_result_store(url)
    if is_redis(url):
        from contracts.results.redis_store import RedisResultStore

        return RedisResultStore.connect(url, ttl_seconds)
    from contracts.results.postgres.store import PostgresResultStore

    return PostgresResultStore.connect(url, ttl_seconds)
