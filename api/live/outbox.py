"""What one viewer is still to be sent: bounded, however slowly it reads.

Media is sent without gaps while the viewer keeps up. Behind by more than _BEHIND_SECONDS, it is sent nothing until the
next keyframe. Of results and stats, a viewer that is behind gets the newest only.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from api.live.messages import Media, Result

_BEHIND_SECONDS = 1.0
# A keyframe replaces what has waited for longer than this.
_LATE_SECONDS = 0.3
_MOST_BYTES = 16 * 1024 * 1024
_MOST_EVENTS = 1000

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a socket ends: the HTTP status, code and detail of an error; None for a service that stops."""

    status: int | None
    code: str = ""
    detail: str = ""


class Outbox:
    """The messages to one viewer, offered by the hub and taken by its socket. skipped: frames that it was not shown,
    because it is too slow or waits for a keyframe."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.wants_media = self.wants_results = False
        self.ending: Ending | None = None
        self.skipped = 0
        # Is told that something may be sent, at once: to wake a task for each frame costs more than to send it.
        self.on_offer: Callable[[], None] = lambda: None
        self._clock = clock
        self._config: deque[str | bytes] = deque()
        self._media: deque[tuple[float, Media]] = deque()  # with the times at which they were offered
        self._bytes = 0
        self._waits_for_keyframe = True
        self._results: deque[tuple[float, Result]] = deque()
        self._events: deque[str] = deque(maxlen=_MOST_EVENTS)
        self._newest: dict[str, str] = {}
        self._wake = asyncio.Event()

    def offer_config(self, messages: list[str | bytes]) -> None:
        """What comes before the media that follows; media from before is not sent any more."""
        self._drop_media()
        self._config = deque(messages)
        self._changed()

    def offer_media(self, one: Media) -> None:
        """The next frame."""
        now = self._clock()
        waited = now - self._media[0][0] if self._media else 0.0
        if waited > (_LATE_SECONDS if one.key else _BEHIND_SECONDS) or self._bytes > _MOST_BYTES:
            self._drop_media()
        if one.key:
            self._waits_for_keyframe = False
        if self._waits_for_keyframe:
            self.skipped += 1
            return
        self._media.append((now, one))
        self._bytes += len(one.message)
        self._changed()

    def wait_for_keyframe(self) -> None:
        """Frames were lost: what follows is of no use before the next keyframe."""
        self._waits_for_keyframe = True

    def offer_result(self, one: Result) -> None:
        """The next result."""
        now = self._clock()
        if self._results and now - self._results[0][0] > _LATE_SECONDS:
            self._results.clear()
        self._results.append((now, one))
        self._changed()

    def offer_event(self, message: str) -> None:
        """The next event: all are sent, but to a viewer that hardly reads."""
        self._events.append(message)
        self._changed()

    def offer_newest(self, kind: str, message: str) -> None:
        """A message that replaces one of its kind that was not sent yet."""
        self._newest[kind] = message
        self._changed()

    def want(self, *, media: bool, results: bool) -> None:
        """Change what is sent."""
        self.wants_media, self.wants_results = media, results
        if not media:
            self._config.clear()
            self._drop_media()
        if not results:
            self._results.clear()
        self._wake.set()

    def end(self, ending: Ending) -> None:
        """End the socket, whatever waits. The first ending counts."""
        self.ending = self.ending or ending
        self._wake.set()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not (self._config or self._media or self._results or self._events or self._newest)

    async def wait(self) -> None:
        """Wait until something may have changed."""
        if self.is_empty and self.ending is None:
            self._wake.clear()
            await self._wake.wait()

    def take(self) -> str | bytes | Result:
        """The next message. Only where `is_empty` is False."""
        if self._newest:
            return self._newest.pop(next(iter(self._newest)))
        if self._config:
            return self._config.popleft()
        if self._events:
            return self._events.popleft()
        if self._results and (not self._media or self._results[0][0] < self._media[0][0]):
            return self._results.popleft()[1]
        _, one = self._media.popleft()
        self._bytes -= len(one.message)
        return one.message

    def _changed(self) -> None:
        self.on_offer()
        if not self.is_empty:
            self._wake.set()

    def _drop_media(self) -> None:
        self.skipped += len(self._media)
        self._media.clear()
        self._bytes = 0
        self._waits_for_keyframe = True
