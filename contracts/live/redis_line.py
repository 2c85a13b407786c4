"""A connection to Redis for the packets and results of streams: many commands a second, sent by hand.

Of what a command costs redis-py's asynchronous client, most is around it: its pool, a time limit for each step, retries
and their counting. The connection itself, with login, TLS and protocol, is redis-py's.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from redis import asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

Command = tuple[bytes | str | int, ...]


@dataclass(eq=False, slots=True)
class _Batch:
    """Commands that go together. answers: None until it was sent; error: why there are none."""

    commands: list[Command] = field(default_factory=list)
    answers: list[Any] | None = None
    error: RedisError | None = None


class RedisLine:
    """One connection for any number of tasks of an event loop: what they ask while an answer is on its way goes
    together afterwards. It connects with the first command, and anew after an error."""

    def __init__(self, url: str, seconds: float) -> None:
        """seconds: for all answers to what is sent together."""
        options: dict[str, Any] = {"socket_timeout": None, "socket_connect_timeout": seconds}
        pool: Any = aioredis.ConnectionPool.from_url(url, **options, retry=Retry(NoBackoff(), 0))
        self._connection = pool.make_connection()
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._next = _Batch()

    async def ask(self, *commands: Command) -> list[Any]:
        """The answers to commands, in their order, as Redis gives them. Raises RedisError: that of the connection, or
        the first one among the answers."""
        batch, first = self._next, len(self._next.commands)
        batch.commands += commands
        async with self._lock:
            if batch is self._next:  # the first of its batch sends all of it
                self._next = _Batch()
                await self._send(batch)
        if batch.answers is None:
            raise batch.error or RedisConnectionError("given up")
        answers = batch.answers[first : first + len(commands)]
        for answer in answers:
            if isinstance(answer, ResponseError):
                raise answer
        return answers

    async def close(self) -> None:
        """Close the connection; another command opens it again."""
        await self._connection.disconnect(nowait=True)

    async def _send(self, batch: _Batch) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                if self._connection.is_connected and await self._connection.can_read():  # closed by Redis
                    await self._connection.disconnect(nowait=True)
                packed = self._connection.pack_commands(batch.commands)
                await self._connection.send_packed_command(packed, check_health=False)
                batch.answers = [await self._answer() for _ in batch.commands]
        except TimeoutError:
            batch.error = RedisTimeout(f"no answer within {self._seconds:g} s")
        except RedisError as error:
            batch.error = error

    async def _answer(self) -> Any:
        try:
            return await self._connection.read_response()
        except ResponseError as error:
            return error
