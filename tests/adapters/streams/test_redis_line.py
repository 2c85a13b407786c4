"""Commands sent by hand on one connection to a real Valkey: together, in order, and after errors."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from contracts.live.redis_line import RedisLine
from tests.support.servers.valkey import Valkey

KEY = "redis-line"


@pytest.fixture
def client(valkey: Valkey) -> redis.Redis:
    made = redis.Redis.from_url(valkey.url)
    made.delete(KEY)
    return made


def with_line(valkey: Valkey, use: Callable[[RedisLine], Awaitable[None]], seconds: float = 20) -> None:
    async def run() -> None:
        line = RedisLine(valkey.url, seconds)
        try:
            async with asyncio.timeout(120):  # only there so that a test ends
                await use(line)
        finally:
            await line.close()

    asyncio.run(run())


def test_tasks_that_ask_at_once_share_a_connection_and_get_their_own_answers(
    valkey: Valkey, client: redis.Redis
) -> None:
    async def use(line: RedisLine) -> None:
        asked = (line.ask(("ECHO", number), ("RPUSH", KEY, number)) for number in range(40))
        answers = await asyncio.gather(*asked)
        assert [echoed for echoed, _ in answers] == [b"%d" % number for number in range(40)]
        assert [length for _, length in answers] == list(range(1, 41)), "in the order in which they were asked"

    with_line(valkey, use)
    assert client.lrange(KEY, 0, -1) == [b"%d" % number for number in range(40)]


def test_an_error_is_told_to_the_one_who_asked(valkey: Valkey, client: redis.Redis) -> None:
    client.set(KEY, "text")

    async def use(line: RedisLine) -> None:
        asked = line.ask(("ECHO", 1)), line.ask(("RPUSH", KEY, 1), ("ECHO", 2)), line.ask(("ECHO", 3))
        found: list[Any] = await asyncio.gather(*asked, return_exceptions=True)
        assert (found[0], found[2]) == ([b"1"], [b"3"])
        assert isinstance(found[1], ResponseError)
        assert await line.ask(("ECHO", 4)) == [b"4"]

    with_line(valkey, use)


def test_an_answer_that_comes_late_is_not_taken_for_that_of_the_next_command(
    valkey: Valkey, client: redis.Redis
) -> None:
    async def use(line: RedisLine) -> None:
        with pytest.raises(RedisTimeout):
            await line.ask(("BLPOP", KEY, 0))
        client.rpush(KEY, "late")
        while True:  # of the short time, a busy machine may need more
            try:
                assert await line.ask(("ECHO", "mine")) == [b"mine"]
                break
            except RedisTimeout:
                continue

    with_line(valkey, use, seconds=0.2)


def test_who_asks_together_with_one_that_is_cancelled_gets_an_error_and_then_answers(
    valkey: Valkey, client: redis.Redis
) -> None:
    async def use(line: RedisLine) -> None:
        commands = ("ECHO", 1), ("BLPOP", KEY, 0), ("ECHO", 2)
        one, waiting, together = (asyncio.create_task(line.ask(command)) for command in commands)
        assert await one == [b"1"]
        while not any(found["cmd"] == "blpop" for found in client.client_list()):
            await asyncio.sleep(0.01)
        waiting.cancel()
        found = await asyncio.gather(waiting, together, return_exceptions=True)
        assert [type(one) for one in found] == [asyncio.CancelledError, RedisConnectionError]
        assert await line.ask(("ECHO", 3)) == [b"3"]

    with_line(valkey, use)


def test_a_connection_that_redis_has_closed_is_opened_again_without_an_error(
    valkey: Valkey, client: redis.Redis
) -> None:
    async def use(line: RedisLine) -> None:
        (number,) = await line.ask(("CLIENT", "ID"))
        client.client_kill_filter(_id=number)
        while not await line._connection.can_read():
            await asyncio.sleep(0.01)
        assert await line.ask(("ECHO", 1)) == [b"1"]

    with_line(valkey, use)


def test_without_redis_each_command_fails_at_once() -> None:
    async def run() -> None:
        line = RedisLine("redis://127.0.0.1:1/0", 20)
        for _ in range(2):
            with pytest.raises(RedisConnectionError):
                await line.ask(("PING",))
        await line.close()

    asyncio.run(run())
