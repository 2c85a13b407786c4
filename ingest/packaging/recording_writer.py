"""Carries out what the recorder decides: writes to the storage, and tells the processor."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from kombu.exceptions import OperationalError

from contracts.errors import NotFound, StorageFull, StorageUnavailable
from contracts.live.recordings import RecordingClosed, RecordingEnd, RecordingOpened, recording_key
from contracts.storage.port import ResumableObjects
from ingest.packaging.recorder import Action, Written

log = logging.getLogger(__name__)

# While the storage does not answer, so many bytes are held; then the recording ends.
_HELD_BYTES = 32 * 1024**2
_OUTAGES = (StorageUnavailable, OperationalError, OSError)


@dataclass(frozen=True, slots=True)
class Failed:
    """A recording that ended since it could not be written on. error: a code."""

    id: str
    error: str


@dataclass(slots=True)
class _Begun:
    """A recording that is not closed. size: bytes written. is_doubtful: whether more may be, of a write that failed."""

    opened: RecordingOpened | None = None
    size: int = 0
    is_doubtful: bool = False


class RecordingWriter:
    """Of one stream, used by one thread at a time.

    send: sends a message to the processor; raises OperationalError where it cannot. What cannot be written or sent for
    now waits, in its order; what is written does not wait for messages.
    """

    def __init__(
        self, objects: ResumableObjects, send: Callable[[RecordingOpened | RecordingClosed], None], stream_id: str
    ) -> None:
        self._objects, self._send, self._stream_id = objects, send, stream_id
        self._waiting: deque[Action] = deque()
        self._messages: deque[RecordingOpened | RecordingClosed] = deque()
        self._begun: dict[str, _Begun] = {}
        self._is_held_up = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting and not self._messages

    def deliver(self, actions: Sequence[Action]) -> Failed | None:
        """Write and send these and what still waits, as far as possible now. Returns the recording that failed.

        Raises nothing: whatever the storage or the broker answers, its caller goes on to record."""
        self._waiting.extend(actions)
        trouble, failed = _trouble_of(self._store), None
        if isinstance(trouble, StorageFull):
            failed = self._give_up("storage_full")
        elif isinstance(trouble, NotFound) or (trouble is not None and self._held() > _HELD_BYTES):
            failed = self._give_up("storage_unavailable")
        self._note(_trouble_of(self._tell) or (None if failed else trouble))
        return failed

    def _store(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            if isinstance(first, Written):
                self._write(first.id)
                continue
            if isinstance(first, RecordingOpened):
                self._begun[first.id] = _Begun(first)
                self._messages.append(first)
            else:
                self._messages.append(self._closed(first.id, first.end, first.frames, first.reason))
            self._waiting.popleft()

    def _write(self, recording_id: str) -> None:
        """Write all bytes of a recording that wait next to each other, but for those that a write that failed has
        written. Raises NotFound where earlier ones are gone: the recording cannot go on behind a hole."""
        parts = []
        for item in self._waiting:
            if not isinstance(item, Written) or item.id != recording_id:
                break
            parts.append(item.data)
        data, key = b"".join(parts), recording_key(self._stream_id, recording_id)
        begun = self._begun.setdefault(recording_id, _Begun())
        done = self._objects.size(key) - begun.size if begun.is_doubtful else 0
        if done < 0:
            raise NotFound("a part of the recording is gone")
        begun.is_doubtful = True
        with self._objects.append(key) as sink:
            sink.write(data[done:])
        begun.size, begun.is_doubtful = begun.size + len(data), False
        for _ in parts:
            self._waiting.popleft()

    def _tell(self) -> None:
        while self._messages:
            self._send(self._messages[0])
            self._messages.popleft()

    def _held(self) -> int:
        return sum(len(item.data) for item in self._waiting if isinstance(item, Written))

    def _give_up(self, error: str) -> Failed:
        """Close the recording that cannot be written on, with what is written of it."""
        log.warning("a recording of stream %s ends: %s", self._stream_id, error)
        failed = self._waiting[0].id
        self._waiting = deque(item for item in self._waiting if item.id != failed)
        with suppress(Exception):  # else it is what is known
            self._begun[failed].size = self._objects.size(recording_key(self._stream_id, failed))
        # The processor counts the frames and takes the end from what is written.
        self._messages.append(self._closed(failed, 0, 0, RecordingEnd.STORAGE_FULL))
        return Failed(failed, error)

    def _closed(self, recording_id: str, end: int, frames: int, reason: RecordingEnd) -> RecordingClosed:
        begun = self._begun.pop(recording_id, _Begun())
        return RecordingClosed(recording_id, self._stream_id, end, frames, begun.size, reason, begun.opened)

    def _note(self, trouble: Exception | None) -> None:
        """Log that something waits, and that it goes on, once."""
        if trouble is not None and not self._is_held_up:
            # Of what is no outage, the place is worth knowing.
            place = None if isinstance(trouble, _OUTAGES) else trouble
            log.warning("recordings of stream %s wait: %s", self._stream_id, type(trouble).__name__, exc_info=place)
        elif trouble is None and self._is_held_up:
            log.info("the recordings of stream %s go on", self._stream_id)
        self._is_held_up = trouble is not None


def _trouble_of(step: Callable[[], None]) -> Exception | None:
    try:
        step()
    except Exception as error:  # of whichever library storage and broker are reached by
        return error
    return None
