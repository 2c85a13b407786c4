"""What workers tell each other in passing, on a real server."""

import asyncio
import threading
import time
import uuid
from collections.abc import Iterator

import pytest
import redis

from contracts.coordination.leases import Held, Replies, Signals, Turns
from tests.support.servers.valkey import Valkey


@pytest.fixture
def client(valkey: Valkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.url) as connected:
        yield connected


def wait_for(url: str, name: str, seconds: int) -> bytes | None:
    async def wait() -> bytes | None:
        replies = Replies(url, seconds)
        try:
            return await replies.wait_for(name, seconds)
        finally:
            await replies.close()

    return asyncio.run(wait())


def test_a_turn_is_for_one_and_comes_again(client: redis.Redis) -> None:
    signals, name = Signals(client), str(uuid.uuid4())
    assert signals.claim(name, 1)
    assert not signals.claim(name, 1)
    assert signals.claim(name + "-other", 1)
    time.sleep(1.1)
    assert signals.claim(name, 1)


def test_a_turn_in_hand_is_kept_wished_for_and_given_back(client: redis.Redis) -> None:
    turns, name = Turns(client), str(uuid.uuid4())
    assert turns.take(name, "a", 60)
    assert turns.keep(name, "a", 60) is Held.HELD
    assert not turns.take(name, "b", 60)
    assert not Signals(client).claim(name, 60)
    assert turns.keep(name, "a", 60) is Held.WANTED
    turns.leave(name, "b")
    assert not turns.take(name, "b", 60), "it is not b's to give back"
    turns.leave(name, "a")
    assert turns.take(name, "b", 60)
    assert turns.keep(name, "a", 60) is Held.LOST
    assert turns.keep(name, "b", 60) is not Held.LOST


def test_a_turn_in_a_dead_hand_fades_and_a_living_one_keeps_it(client: redis.Redis) -> None:
    turns, name = Turns(client), str(uuid.uuid4())
    assert turns.take(name, "a", 1)
    time.sleep(1.1)
    assert turns.keep(name, "a", 1) is Held.HELD, "nobody took it: it was only late"
    time.sleep(1.1)
    assert turns.take(name, "b", 60)
    assert turns.keep(name, "a", 1) is Held.LOST


def test_a_reply_reaches_the_one_who_waits_and_fades(valkey: Valkey, client: redis.Redis) -> None:
    signals, name = Signals(client), str(uuid.uuid4())
    sender = threading.Timer(0.2, signals.reply, (name, b"answer", 60))
    sender.start()
    assert wait_for(valkey.url, name, 5) == b"answer"
    sender.join()
    signals.reply(name, b"unheard", 60)
    (key,) = client.scan_iter(match=f"*{name}*")
    assert 0 < int(client.ttl(key)) <= 60


def test_nothing_comes_where_nobody_answers(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert wait_for(valkey.url, str(uuid.uuid4()), 1) is None
    assert wait_for(f"unix://{tmp_path_factory.mktemp('empty')}/none.sock", "name", 1) is None


def test_a_turn_is_kept_as_long_as_it_is_renewed_and_given_back(client: redis.Redis) -> None:
    signals, name = Signals(client), str(uuid.uuid4())
    assert not signals.claimed(name)
    assert signals.claim(name, 1)
    signals.renew(name, 60)
    time.sleep(1.1)
    assert signals.claimed(name)
    signals.release(name)
    assert not signals.claimed(name)
    assert signals.claim(name, 60)


def test_it_is_counted_until_it_is_forgotten(client: redis.Redis) -> None:
    signals, name = Signals(client), str(uuid.uuid4())
    assert [signals.count(name, 1) for _ in range(3)] == [1, 2, 3]
    time.sleep(1.1)
    assert signals.count(name, 60) == 1
    signals.forget_count(name)
    assert signals.count(name, 60) == 1
