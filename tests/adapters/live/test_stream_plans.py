"""The plans of a stream in Redis: with their results, and no longer."""

from collections.abc import Iterator

import pytest
import redis

from contracts.live import keys, results
from contracts.live.plans import number_of
from contracts.live.results import FIELD, LiveFrame
from contracts.wire.messages import Options, Plan
from detector.live import plans
from detector.live.plans import StreamPlans
from tests.support.servers.valkey import Valkey

KEY = keys.plans("yard")


@pytest.fixture
def client(valkey: Valkey) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(valkey.url.replace("db=1", "db=12")) as client:
        client.flushdb()
        yield client


def number(revision: int) -> int:
    return number_of(revision, Plan("tiny", "", "openvino", "fp32", Options()))


def numbers(client: "redis.Redis") -> set[int]:
    found: list[bytes] = client.hkeys(KEY)  # type: ignore[assignment]
    return {int(one) for one in found}


def add_result(client: "redis.Redis", plan: int) -> None:
    frame = LiveFrame(0, 0, 64, 48, b"", b"", b"", 0.0, 0.0, plan)
    client.xadd(keys.results("yard"), {FIELD: results.encode(frame)})


def test_they_are_kept_as_long_as_results_that_have_them(client: "redis.Redis") -> None:
    own = StreamPlans(client, "yard")
    own.write()
    assert numbers(client) == set(), "none is known yet"
    for revision in (1, 2):
        own.follow(number(revision), b"plan", 60)
    assert numbers(client) == {number(2)}
    assert 60 < client.ttl(KEY) < 70  # type: ignore[operator]
    add_result(client, number(2))
    for revision in (3, 4):
        own.follow(number(revision), b"plan", 60)
    assert numbers(client) == {number(2), number(3), number(4)}
    client.delete(keys.results("yard"))
    add_result(client, number(4))
    own.follow(number(5), b"plan", 60)
    assert numbers(client) == {number(4), number(5)}


def test_a_redis_that_has_lost_its_data_gets_the_plan_again(
    client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    own = StreamPlans(client, "yard")
    own.follow(number(1), b"plan", 60)
    client.flushdb()
    own.write()
    assert not client.exists(KEY), "not with every packet"
    monkeypatch.setattr(plans, "_AGAIN_SECONDS", 0.0)
    own.follow(number(1), b"plan", 60)
    client.flushdb()
    own.write()
    assert client.hgetall(KEY) == {b"%d" % number(1): b"plan"}


def test_a_result_of_a_later_release_keeps_all(client: "redis.Redis") -> None:
    own = StreamPlans(client, "yard")
    client.xadd(keys.results("yard"), {FIELD: b"?"})
    for revision in (1, 2):
        own.follow(number(revision), b"plan", 60)
    assert numbers(client) == {number(1), number(2)}
