"""How a worker takes messages: a limit on what it holds without a global prefetch, and tasks of a later release.

Celery limits what a worker holds by a prefetch of the channel (basic.qos with global=true), and changes that limit:
one more while a message is to be done later, one more when a detector's chunk comes to its end. RabbitMQ has deprecated
such a prefetch, and 4.3 by default takes it for one per consumer. That cannot be changed. But consumers can come and
go: here each takes one message, and there are as many as the worker may take messages. Other brokers are as Celery has
them.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import celery.worker.consumer
import kombu
from celery.worker import state

log = logging.getLogger(__name__)

# How long a message is held whose task this release does not know, before it goes back to the queue; and after how long
# it is given up.
AGAIN_SECONDS = 5.0
GIVE_UP_SECONDS = 3600.0


class Taking(kombu.Consumer):  # type: ignore[misc]
    """A number of consumers of one or several queues, each of which takes one message until that is acknowledged.

    `qos` sets how many messages may be held at once, in all queues together. With one queue a consumer stays, and the
    broker sends it the next message with the acknowledgement. With several, one is cancelled as soon as it has its
    message: else a queue that is never empty would keep the others from their turn. In the moment until the others
    are cancelled too, each other queue may send a message more.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._limit = 0
        self._has_ended = False
        self._held: list[kombu.Message] = []
        self._consumers: dict[str, str] = {}  # queue by tag
        self._handler: Callable[[kombu.Message], None] | None = None
        super().__init__(*arguments, **options)

    @property
    def on_message(self) -> Callable[[kombu.Message], None] | None:
        """What Celery does with a message."""
        return self._receive if self._handler else None

    @on_message.setter
    def on_message(self, handler: Callable[[kombu.Message], None] | None) -> None:
        self._handler = handler

    def consume(self, no_ack: bool | None = None) -> None:
        """Begin, as far as the limit allows."""
        self.channel.basic_qos(0, 1, False)  # of each consumer from now on
        self.settle()

    def qos(self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False) -> None:
        """Set the limit."""
        self._limit = prefetch_count
        self.settle()

    def settle(self) -> None:
        """Have as many consumers of each queue as messages may still be taken."""
        if self._has_ended:
            return
        self._held = [message for message in self._held if not message.acknowledged]
        busy = [tag for tag in _first_to_end(self._held) if tag in self._consumers]
        free = max(0, self._limit - len(self._held))
        self._end(busy if len(self._queues) > 1 else busy[: max(0, len(busy) - self._limit)])
        for queue in self.queues:
            idle = [tag for tag, name in self._consumers.items() if name == queue.name and tag not in busy]
            self._end(idle[free:])
            for _ in range(free - len(idle)):
                self._begin(queue)

    def cancel(self) -> None:
        """Take no more messages."""
        self._has_ended = True
        self._end(list(self._consumers))

    close = cancel

    def cancel_by_queue(self, queue: kombu.Queue | str) -> None:
        """Take no more messages of a queue."""
        name = queue.name if isinstance(queue, kombu.Queue) else queue
        self._queues.pop(name, None)
        self._end([tag for tag, of in self._consumers.items() if of == name])

    def consuming_from(self, queue: kombu.Queue | str) -> bool:
        """Whether it is one of the queues."""
        return (queue.name if isinstance(queue, kombu.Queue) else queue) in self._queues

    def _receive(self, message: kombu.Message) -> None:
        self._held.append(message)
        if self._handler:
            self._handler(message)

    def _begin(self, queue: kombu.Queue) -> None:
        tag = f"wd{next(self._tags)}"
        self._consumers[tag] = queue.name
        queue.consume(tag, self._receive_callback, no_ack=False, nowait=True)

    def _end(self, tags: Sequence[str]) -> None:
        for tag in tags:
            del self._consumers[tag]
            self.channel.basic_cancel(tag)  # waits for the answer: what is on its way until then still arrives


class Consumer(celery.worker.consumer.Consumer):  # type: ignore[misc]
    """Celery's, which takes messages as above where the broker is RabbitMQ."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._unknown: dict[str, float] = {}  # when a message was first seen, by the id of its task
        self._is_amqp = self.conninfo.transport.driver_type == "amqp"
        if self._is_amqp:
            self.app.amqp.Consumer = Taking

    def connect(self) -> Any:
        """A connection to the broker."""
        connection = super().connect()
        if self._is_amqp:  # what Celery asks before it sets a global prefetch
            connection.transport.qos_semantics_matches_spec = lambda _: True
        return connection

    def register_with_event_loop(self, hub: Any) -> None:
        """Look at each turn of the loop whether messages have been acknowledged."""
        super().register_with_event_loop(hub)
        if self._is_amqp:
            hub.on_tick.add(self._settle)

    def on_unknown_task(self, body: Any, message: kombu.Message, exc: Exception) -> None:
        """Leave a message of a later release, during an upgrade, to a worker that knows its task: it goes back to the
        queue after a while. Celery would drop it."""
        task, name = str(message.headers.get("id")), message.headers.get("task")
        now = time.monotonic()
        self._unknown = {one: seen for one, seen in self._unknown.items() if now - seen < 2 * GIVE_UP_SECONDS}
        if now - self._unknown.setdefault(task, now) >= GIVE_UP_SECONDS:
            super().on_unknown_task(body, message, exc)
            return
        log.warning("task %s (%s) is of a later release, and handed back", name, task)
        self.qos.increment_eventually()
        self.timer.call_after(AGAIN_SECONDS, self._hand_back, (message,))

    def _hand_back(self, message: kombu.Message) -> None:
        self.qos.decrement_eventually()
        message.reject_log_error(log, self.connection_errors, requeue=True)

    def _settle(self) -> None:
        if self.task_consumer:
            self.task_consumer.settle()


def _first_to_end(held: Iterable[kombu.Message]) -> list[str]:
    """The tags of the consumers that hold messages: first of those that are being done, last of those to be done later,
    each in the order in which they came."""
    running = {id(request.message) for request in tuple(state.active_requests)}

    def place(message: kombu.Message) -> int:
        return 0 if id(message) in running else 2 if message.headers.get("eta") else 1

    return [message.delivery_info["consumer_tag"] for message in sorted(held, key=place)]
