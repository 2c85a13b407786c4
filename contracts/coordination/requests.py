"""Requests that arrive one by one and are answered together."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import redis


class Requests:
    """Lists of waiting requests by name. Raises RedisError when Redis does not answer."""

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client

    def add(self, name: str, data: bytes, most: int, seconds: int) -> bool:
        """Add a request, to be taken within the seconds, once however often it is added; False when so many others wait
        already."""
        key = _key(name)
        with self._redis.pipeline() as pipe:
            pipe.lrem(key, 0, data)  # type: ignore[arg-type]
            pipe.rpush(key, data)
            pipe.expire(key, seconds)
            waiting: Any = pipe.execute()[1]
        if int(waiting) > most:
            self._redis.lrem(key, -1, data)  # type: ignore[arg-type]
            return False
        return True

    def take(self, name: str) -> list[bytes]:
        """Take all that wait, the oldest first."""
        key = _key(name)
        with self._redis.pipeline() as pipe:
            pipe.lrange(key, 0, -1)
            pipe.delete(key)
            found: Any = pipe.execute()[0]
        return [bytes(data) for data in found]

    def waiting(self, name: str) -> bool:
        """Whether any wait."""
        return bool(self._redis.exists(_key(name)))


def _key(name: str) -> str:
    return f"wd:requests:{name}"
