"""A real worker takes one message more when its child asks, and gives it back when it is stopped or killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.prefetching import (
    Worker,
    check_a_killed_child_loses_no_message,
    check_one_more_is_taken_and_given_back,
)
from tests.support.servers.valkey import Valkey


@pytest.fixture
def broker(tmp_path: Path) -> Iterator["redis.Redis"]:
    """The database of a broker of its own; that of results is the next one."""
    with Valkey(tmp_path) as valkey, redis.Redis.from_url(valkey.url.replace("db=1", "db=0")) as client:
        yield client


@pytest.fixture
def worker(broker: "redis.Redis", tmp_path: Path) -> Iterator[Worker]:
    """With four messages in its queue, the first of which it has begun."""
    path = broker.connection_pool.connection_kwargs["path"]
    made = Worker(
        f"redis+socket://{path}?virtual_host=0",
        f"unix://{path}?db=1",
        lambda: int(broker.llen("detector")),  # type: ignore[arg-type]
    )
    made.send(range(4))
    with made.running():
        made.hears("begun 0")
        yield made


def test_one_message_more_is_taken_when_it_is_asked_for_and_given_back_at_the_stop(
    worker: Worker, broker: "redis.Redis"
) -> None:
    check_one_more_is_taken_and_given_back(worker)
    assert not broker.hlen("unacked")


def test_a_child_that_is_killed_loses_neither_of_its_two_messages(worker: Worker) -> None:
    check_a_killed_child_loses_no_message(worker)


def test_a_question_that_nothing_answered_is_withdrawn_with_its_chunk(worker: Worker) -> None:
    worker.tell("end", "end", "end")
    worker.hears("ended 0", "begun 1", "ended 1", "begun 2", "ended 2", "begun 3")
    worker.tell("ask", "end")
    worker.hears("ended 3")
    worker.send(range(4, 7))
    worker.hears("begun 4")
    assert worker.waiting() == 2
