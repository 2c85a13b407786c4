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
        line = RedisLine(f"{valkey.url}&protocol=3", seconds)  # which it does not use
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


def test_one_that_is_cancelled_does_not_disturb_the_others(valkey: Valkey, client: redis.Redis) -> None:
    async def use(line: RedisLine) -> None:
        await line.ask(("PING",))  # connected
        asked = [asyncio.create_task(line.ask(("ECHO", number))) for number in range(3)]
        await asyncio.sleep(0)  # they have been sent
        asked[1].cancel()
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(one) for one in found] == [list, asyncio.CancelledError, list]
        assert await line.ask(("ECHO", 3)) == [b"3"]

    with_line(valkey, use)


def test_each_answer_says_what_is_asked_next(valkey: Valkey, client: redis.Redis) -> None:
    async def use(line: RedisLine) -> None:
        def then(answer: int) -> tuple[str, str] | None:
            return ("INCR", KEY) if answer < 5 else None

        await line.repeat(("INCR", KEY), then)
        assert client.get(KEY) == b"5"
        client.set(KEY, "text")
        with pytest.raises(ResponseError):
            await line.repeat(("INCR", KEY), then)
        with pytest.raises(TypeError):  # of `then` itself
            await line.repeat(("GET", KEY), then)
        assert await line.ask(("ECHO", 1)) == [b"1"]

    with_line(valkey, use)


def test_who_is_cancelled_asks_nothing_more(valkey: Valkey, client: redis.Redis) -> None:
    async def use(line: RedisLine) -> None:
        asked = 0

        def then(_answer: object) -> tuple[str, str]:
            nonlocal asked
            asked += 1
            return ("INCR", KEY)

        task = asyncio.create_task(line.repeat(("INCR", KEY), then))
        while not asked:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        before = asked
        assert await line.ask(("ECHO", 1)) == [b"1"]
        assert await line.ask(("ECHO", 2)) == [b"2"]
        assert asked == before

    with_line(valkey, use)


def test_a_connection_that_redis_has_closed_is_opened_again_without_an_error(
    valkey: Valkey, client: redis.Redis
) -> None:
    async def use(line: RedisLine) -> None:
        (number,) = await line.ask(("CLIENT", "ID"))
        client.client_kill_filter(_id=number)
        while line._dialogue is None or line._dialogue.error is None:
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
