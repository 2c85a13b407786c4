"""What RabbitMQ is asked for by the queues, and what it does for them. `make test-rabbitmq` asks RabbitMQ 4."""

import uuid
from collections.abc import Iterator

import pytest
from kombu import Connection, Producer, Queue
from kombu.transport.pyamqp import Channel

from contracts.settings.table import Settings
from contracts.wire.tasks import QUEUE_DETECTOR, QUEUE_RENDER
from contracts.workers.celery_app import create_celery
from tests.support.deployments.modes import Servers
from tests.support.requirements import missing
from tests.support.servers.rabbitmq import RabbitMq, other_debian
from tests.support.waiting import until

pytestmark = pytest.mark.distributed
QUORUM_QUEUES_LIMIT = 20  # of deliveries, by default


@pytest.fixture
def space(starting: Servers) -> str:
    name = f"queues-{uuid.uuid4().hex[:8]}"
    starting.rabbitmq.wait().create(name)
    return name


@pytest.fixture
def channel(starting: Servers, space: str) -> Iterator[Channel]:
    with Connection(starting.rabbitmq.url(space)) as connection:
        yield connection.default_channel


def declared(name: str, channel: Channel, broker: str) -> Queue:
    queue = create_celery(Settings(broker_url=broker)).amqp.queues[name](channel)
    queue.declare()
    return queue


def test_a_chunk_may_be_handed_back_again_and_again(starting: Servers, space: str, channel: Channel) -> None:
    """As every two seconds while the result store is down."""
    queue = declared(QUEUE_DETECTOR, channel, starting.rabbitmq.url(space))
    Producer(channel).publish("chunk", exchange=queue.exchange, routing_key=queue.routing_key)
    for _ in range(2 * QUORUM_QUEUES_LIMIT):
        message = queue.get()
        assert message is not None, "it has been dropped"
        message.reject(requeue=True)
    assert starting.rabbitmq.held(space) == {QUEUE_DETECTOR: 1}


def test_a_renderer_may_have_a_message_in_hand_for_days(starting: Servers, space: str, channel: Channel) -> None:
    """Before 4.3 since the queue says so; 4.3 lets every consumer of a classic queue."""
    declared(QUEUE_RENDER, channel, starting.rabbitmq.url(space))
    version = tuple(map(int, channel.connection.server_properties["version"].split(".")))
    says_so = {"x-consumer-timeout": 7 * 86_400_000} if version < (4, 3) else {}
    assert starting.rabbitmq.arguments(space, QUEUE_RENDER) == says_so


@pytest.mark.rabbitmq
def test_what_is_deprecated_is_denied_and_told() -> None:
    """Else nothing would be shown by a service that runs on it. It says so once, so this one is asked by nobody else.
    A global prefetch is no error: it becomes one of each consumer."""
    root = other_debian() or missing("RABBITMQ_ROOT is not set (make test-rabbitmq sets it)")
    with RabbitMq(root=root) as broker:
        url = broker.wait().create("past")
        assert broker.deprecated("past") == []
        with Connection(url) as connection:
            connection.default_channel.basic_qos(0, 1, True)
        with Connection(url) as connection, pytest.raises(connection.connection_errors, match="transient_nonexcl"):
            connection.default_channel.queue_declare("passing", durable=False, exclusive=False, auto_delete=False)
        until(lambda: len(broker.deprecated("past")) == 2)
        prefetch, queue = broker.deprecated("past")
    assert "global_qos" in prefetch
    assert "transient_nonexcl_queues" in queue
