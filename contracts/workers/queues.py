"""The queues as a broker is asked for them."""

import re
from typing import Any

from kombu import Exchange, Queue

from contracts.wire.tasks import QUEUE_RENDER

_HELD_MS = 7 * 86_400_000


def queue(name: str) -> Queue:
    """A durable queue with an exchange of its own."""
    kind = _HeldForLong if name == QUEUE_RENDER else Queue
    return kind(name, Exchange(f"web-detector.{name}", type="direct"), routing_key=name)


class _HeldForLong(Queue):  # type: ignore[misc]
    """One whose messages are in hand for hours, as those of a renderer.

    RabbitMQ before 4.3 takes a message back after half an hour, where the queue says nothing else. 4.3 takes none back
    of a classic queue, and refuses one that says so. An existing queue is left as it is by either.
    """

    def queue_declare(self, nowait: bool = False, passive: bool = False, channel: Any = None) -> Any:
        """Declare it as the broker of the channel wants it."""
        said = getattr((channel or self.channel).connection, "server_properties", {})
        self.queue_arguments = {"x-consumer-timeout": _HELD_MS} if _version(said) < (4, 3) else None
        return super().queue_declare(nowait=nowait, passive=passive, channel=channel)


def _version(said: dict[str, Any]) -> tuple[int, ...]:
    """Of what a broker says of itself."""
    found = re.match(r"(\d+)\.(\d+)", str(said.get("version")))
    return tuple(map(int, found.groups())) if found else ()
