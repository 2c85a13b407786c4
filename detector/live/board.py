"""Which image an engine takes next: the newest one of the stream that was served longest ago.

A stream has one place: a newer image replaces one that was not taken. So a slow engine leaves frames out instead of
falling behind, and every stream gets its share. Nothing here waits or locks; see detector.live.lane.
"""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from detector.decode.live_protocol import LIVE_SLOTS


class Held(Protocol):
    """An image in a slot of a memory."""

    @property
    def memory(self) -> object: ...
    @property
    def slot(self) -> int: ...


T = TypeVar("T", bound=Held)


@dataclass
class _Place(Generic[T]):
    """Of one stream. ready: the image to take. reading: the one that the engine reads. served: when it was taken from
    last, as a count of all."""

    ready: T | None = None
    reading: T | None = None
    served: int = -1


class Board(Generic[T]):
    """The places of the streams of one engine."""

    def __init__(self) -> None:
        self._places: dict[object, _Place[T]] = {}
        self._served = 0
        self._read: object = None  # the stream whose image is read

    def join(self, stream: object) -> None:
        """Give a stream a place; it is served next."""
        self._places[stream] = _Place()

    def leave(self, stream: object) -> T | None:
        """Take a stream's place away; its image that nobody took."""
        place = self._places.pop(stream, None)
        return place.ready if place else None

    def is_read(self, stream: object) -> bool:
        """Whether the engine reads an image of the stream."""
        return self._read == stream

    def free_slot(self, stream: object, memory: object) -> int:
        """A slot of that memory that may be written."""
        place = self._places[stream]
        used = {one.slot for one in (place.ready, place.reading) if one is not None and one.memory is memory}
        return next(slot for slot in range(LIVE_SLOTS) if slot not in used)

    def put(self, stream: object, image: T) -> T | None:
        """Offer a stream's newest image; the one that it replaces."""
        place = self._places[stream]
        replaced, place.ready = place.ready, image
        return replaced

    @property
    def has_streams(self) -> bool:
        """Whether any stream has a place."""
        return bool(self._places)

    @property
    def has_ready(self) -> bool:
        """Whether there is an image to take."""
        return any(place.ready is not None for place in self._places.values())

    def take(self) -> T | None:
        """The next image, to be read until `release`; None where none is ready. Releases the one before."""
        self.release()
        ready = [stream for stream, place in self._places.items() if place.ready is not None]
        if not ready:
            return None
        stream = min(ready, key=lambda one: self._places[one].served)
        place = self._places[stream]
        self._read, place.served = stream, self._served
        self._served += 1
        place.reading, place.ready = place.ready, None
        return place.reading

    def release(self) -> None:
        """The image that was taken last has been read."""
        if self._read in self._places:
            self._places[self._read].reading = None
        self._read = None
