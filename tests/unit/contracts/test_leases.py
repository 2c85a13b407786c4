"""Locks, leases, counters and replies on a real server."""

import asyncio
import threading
import time
import uuid
from collections.abc import Iterator

import pytest
import redis

from contracts.coordination.leases import Coordination, Locks, LockState, Replies
from tests.support.servers.valkey import Valkey
from tests.support.waiting import until


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


def test_lease_has_one_holder_and_expires(client: redis.Redis) -> None:
    coordination, name = Coordination(client), str(uuid.uuid4())
    assert coordination.acquire(name, 60)
    assert not coordination.acquire(name, 60)
    assert coordination.acquire(name + "-other", 1)
    until(lambda: coordination.acquire(name + "-other", 60))


def test_lock_is_renewed_contended_and_released_by_its_owner_only(client: redis.Redis) -> None:
    locks, name = Locks(client), str(uuid.uuid4())
    assert locks.acquire(name, "a", 60)
    assert locks.renew(name, "a", 60) is LockState.HELD
    assert not locks.acquire(name, "b", 60)
    assert not Coordination(client).acquire(name, 60)
    assert locks.renew(name, "a", 60) is LockState.CONTENDED
    locks.release(name, "b")
    assert not locks.acquire(name, "b", 60), "only the owner releases a lock"
    locks.release(name, "a")
    assert locks.acquire(name, "b", 60)
    assert locks.renew(name, "a", 60) is LockState.LOST
    assert locks.renew(name, "b", 60) is not LockState.LOST


def test_expired_lock_is_renewed_unless_another_owner_took_it(client: redis.Redis) -> None:
    locks, name = Locks(client), str(uuid.uuid4())
    assert locks.acquire(name, "a", 1)
    time.sleep(1.1)
    assert locks.renew(name, "a", 1) is LockState.HELD, "nobody else took it"
    time.sleep(1.1)
    assert locks.acquire(name, "b", 60)
    assert locks.renew(name, "a", 1) is LockState.LOST


def test_reply_reaches_a_waiting_client_and_expires(valkey: Valkey, client: redis.Redis) -> None:
    coordination, name = Coordination(client), str(uuid.uuid4())
    sender = threading.Timer(0.2, coordination.reply, (name, b"answer", 60))
    sender.start()
    assert wait_for(valkey.url, name, 60) == b"answer"
    sender.join()
    coordination.reply(name, b"unheard", 60)
    (key,) = client.scan_iter(match=f"*{name}*")
    assert 0 < int(client.ttl(key)) <= 60


def test_wait_for_without_reply_or_server_is_none(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert wait_for(valkey.url, str(uuid.uuid4()), 1) is None
    assert wait_for(f"unix://{tmp_path_factory.mktemp('empty')}/none.sock", "name", 1) is None


def test_lease_is_held_while_renewed_until_released(client: redis.Redis) -> None:
    coordination, name = Coordination(client), str(uuid.uuid4())
    assert not coordination.is_held(name)
    assert coordination.acquire(name, 60)
    coordination.renew(name, 3600)
    (key,) = client.scan_iter(match=f"*{name}*")
    assert int(client.ttl(key)) > 60
    assert coordination.is_held(name)
    coordination.release(name)
    assert not coordination.is_held(name)
    assert coordination.acquire(name, 60)


def test_counter_expires_and_can_be_reset(client: redis.Redis) -> None:
    coordination, name = Coordination(client), str(uuid.uuid4())
    assert [coordination.count(name, 60) for _ in range(3)] == [1, 2, 3]
    coordination.count(name + "-other", 1)
    time.sleep(1.1)
    assert coordination.count(name + "-other", 60) == 1
    coordination.reset_count(name)
    assert coordination.count(name, 60) == 1
