"""Carries out what the recorder decides: writes to the storage, and tells the processor."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from kombu.exceptions import OperationalError

from contracts.errors import StorageFull, StorageUnavailable, WebDetectorError
from contracts.live.recordings import RecordingClosed, RecordingEnd, RecordingOpened, recording_key
from contracts.storage.port import ResumableObjects
from ingest.packaging.recorder import Action, Ended, Written

log = logging.getLogger(__name__)

# While the storage does not answer, so many bytes are held; then the recording ends.
_HELD_BYTES = 32 * 1024**2


@dataclass(frozen=True, slots=True)
class Failed:
    """A recording that ended since it could not be written on. error: a code."""

    id: str
    error: str


class RecordingWriter:
    """Of one stream, used by one thread at a time.

    send: sends a message to the processor; raises OperationalError where it cannot. What cannot be written or sent for
    now waits, in its order.
    """

    def __init__(
        self, objects: ResumableObjects, send: Callable[[RecordingOpened | RecordingClosed], None], stream_id: str
    ) -> None:
        self._objects, self._send, self._stream_id = objects, send, stream_id
        self._waiting: deque[Action | RecordingClosed] = deque()
        self._sizes: dict[str, int] = {}  # bytes written of recordings that are not closed
        self._is_held_up = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def deliver(self, actions: Sequence[Action]) -> Failed | None:
        """Write and send these and what still waits, as far as possible now. Returns the recording that failed."""
        self._waiting.extend(actions)
        while self._waiting:
            first = self._waiting[0]
            try:
                if isinstance(first, Written):
                    self._write(first.id)
                else:
                    self._tell(first)
            except StorageFull:
                return self._give_up(first, "storage_full")
            except (StorageUnavailable, OperationalError, OSError) as error:
                if not self._is_held_up:
                    log.warning("a recording of stream %s waits: %s", self._stream_id, type(error).__name__)
                self._is_held_up = True
                held = sum(len(item.data) for item in self._waiting if isinstance(item, Written))
                return self._give_up(first, "storage_unavailable") if held > _HELD_BYTES else None
        if self._is_held_up:
            log.info("the recordings of stream %s go on", self._stream_id)
        self._is_held_up = False
        return None

    def _write(self, recording_id: str) -> None:
        """Write all bytes of a recording that wait next to each other."""
        parts = []
        for item in self._waiting:
            if not isinstance(item, Written) or item.id != recording_id:
                break
            parts.append(item.data)
        data = b"".join(parts)
        with self._objects.append(recording_key(self._stream_id, recording_id)) as sink:
            sink.write(data)
        self._sizes[recording_id] = self._sizes.get(recording_id, 0) + len(data)
        for _ in parts:
            self._waiting.popleft()

    def _tell(self, item: RecordingOpened | RecordingClosed | Ended) -> None:
        if isinstance(item, Ended):
            size = self._sizes.pop(item.id, 0)
            item = RecordingClosed(item.id, self._stream_id, item.end, item.frames, size, item.reason)
            self._waiting[0] = item  # sent as it is, should sending fail now
        self._send(item)
        self._waiting.popleft()

    def _give_up(self, first: "Action | RecordingClosed", error: str) -> Failed:
        """Close a recording with what is written of it."""
        log.warning("a recording of stream %s ends: %s", self._stream_id, error)
        self._waiting = deque(
            item for item in self._waiting if item.id != first.id or not isinstance(item, Written | Ended)
        )
        size = self._sizes.pop(first.id, 0)
        with suppress(WebDetectorError):
            size = self._objects.size(recording_key(self._stream_id, first.id))
        # The processor counts the frames and takes the end from what is written.
        closed = RecordingClosed(first.id, self._stream_id, 0, 0, size, RecordingEnd.STORAGE_FULL)
        self._waiting.append(closed)
        return Failed(first.id, error)
