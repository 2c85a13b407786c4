"""How workers take messages from RabbitMQ: as many as they may hold, without a global prefetch."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from kombu import Connection

from contracts.settings.table import Settings
from contracts.wire.tasks import QUEUE_RECOVERY
from contracts.workers.celery_app import create_celery
from processor.periodic import send_periodic
from tests.support.deployments.modes import Servers
from tests.support.prefetching import (
    Worker,
    check_a_killed_child_loses_no_message,
    check_one_more_is_taken_and_given_back,
)
from tests.support.waiting import until

pytestmark = pytest.mark.distributed


@pytest.fixture
def worker_of(starting: Servers) -> Iterator[Callable[..., Worker]]:
    """Makes a worker of queues in a virtual host of its own."""
    broker, store = starting.rabbitmq.wait().create(f"taking-{uuid.uuid4().hex[:8]}"), starting.redis.wait().create()
    with Connection(broker) as connection:

        def waiting(queue: str) -> int:
            return int(connection.default_channel.queue_declare(queue, passive=True).message_count)

        yield lambda *queues: Worker(broker, store, lambda: sum(map(waiting, queues)), queues)


@pytest.fixture
def worker(worker_of: Callable[..., Worker]) -> Iterator[Worker]:
    """With four messages in its queue, the first of which it has begun."""
    made = worker_of("detector")
    made.send(range(4))
    with made.running():
        made.hears("begun 0")
        yield made


def test_one_message_more_is_taken_when_it_is_asked_for_and_given_back_at_the_stop(worker: Worker) -> None:
    check_one_more_is_taken_and_given_back(worker)


def test_a_child_that_is_killed_loses_neither_of_its_two_messages(worker: Worker) -> None:
    check_a_killed_child_loses_no_message(worker)


def test_a_message_for_later_keeps_no_other_waiting(worker_of: Callable[..., Worker]) -> None:
    """As a chunk that is handed back for some seconds."""
    worker = worker_of("detector")
    worker.send([8, 9], countdown=3600)
    with worker.running():
        until(lambda: worker.waiting() == 0)
        worker.send(range(3))
        worker.hears("begun 0")
        assert worker.waiting() == 2, "it holds those for later, and one that is due"
        worker.send([10], countdown=3)
        worker.tell("end", "end", "end", "end")
        said = {worker.hear() for _ in range(7)}
        assert {"ended 0", "ended 1", "ended 2", "ended 10"} <= said
        worker.send(range(20, 23))
        worker.hears("begun 20")
        assert worker.waiting() == 2, "not one more than before"
        worker.process.terminate()
        worker.tell("end")
        worker.hears("ended 20")
        assert worker.process.wait(60) == 0
        until(lambda: worker.waiting() == 4)  # two for later, and two that were not begun


def test_queues_take_turns_in_what_may_be_held(worker_of: Callable[..., Worker]) -> None:
    """As the processor's, where merges must not wait for many probes."""
    worker = worker_of("probe", "processor")
    worker.send(range(8), queue="probe")
    worker.send(range(10, 18), queue="processor")
    with worker.running():
        begun, beyond = list[int](), list[int]()
        for left in range(15, 8, -1):
            begun.append(int(worker.hear().removeprefix("begun ")))
            beyond.append(left - worker.waiting())  # held beside the one in hand
            worker.tell("end")
            worker.hears(f"ended {begun[-1]}")
        assert 3 <= sum(number < 10 for number in begun) <= 4, begun
        assert max(beyond) <= 1, "a queue may send one more until its consumer is cancelled, however slow that is"


def test_a_message_whose_task_a_later_release_knows_is_kept_for_it(worker_of: Callable[..., Worker]) -> None:
    worker = worker_of("detector")
    worker.send([7], "processor.of_tomorrow", queue="detector")
    worker.send([0])
    with worker.running():
        worker.hears("begun 0")
        worker.tell("end")
        worker.hears("ended 0")
        worker.process.terminate()
        assert worker.process.wait(60) == 0
        until(lambda: worker.waiting() == 1)


def test_recovery_that_waits_is_not_sent_again(starting: Servers) -> None:
    space = f"taking-{uuid.uuid4().hex[:8]}"
    broker, store = starting.rabbitmq.wait().create(space), starting.redis.wait().create()
    app = create_celery(Settings(broker_url=broker, result_store_url=store))
    with app.connection_for_write() as connection:
        app.amqp.queues[QUEUE_RECOVERY](connection.default_channel).declare()
    for _ in range(3):
        send_periodic(app)
    assert starting.rabbitmq.messages(space, QUEUE_RECOVERY) == 2, "recovery and clean-up"
