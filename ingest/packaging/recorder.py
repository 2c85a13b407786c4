"""Decides what is recorded of a stream: where recordings begin and end, and their bytes. Pure: see recording_writer."""

import time
import uuid
from dataclasses import dataclass

from contracts.live.packets import CodecConfig, Packet
from contracts.live.recordings import JPEG_MAGIC, JPEG_RECORD, RecordingEnd, RecordingOpened
from contracts.live.streams import TICKS_PER_SECOND, RecordingOptions
from ingest.packaging.boxes import fragment_head

_RETRY_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes of a recording."""

    id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a recording. end: pts of its last packet plus its duration, in ticks."""

    id: str
    end: int
    frames: int
    reason: RecordingEnd


Action = RecordingOpened | Written | Ended


class Recorder:
    """Of one stream. Recordings are cut at keyframes, of their packets as they came."""

    def __init__(
        self, stream_id: str, user_id: str, instance: str, options: RecordingOptions | None, stopped: str = ""
    ) -> None:
        """options: None records nothing. stopped: why, see contracts.live.streams.StreamSpec."""
        self._stream_id, self._user_id, self._instance = stream_id, user_id, instance
        self._options = options
        self._current: _Current | None = None
        self._actions: list[Action] = []
        self._cut = False
        self._not_before = 0.0
        self.error = stopped

    @property
    def current(self) -> str | None:
        """Id of the current recording."""
        return None if self._current is None else self._current.id

    def take(self) -> list[Action]:
        """What is to be written since the last call, in order."""
        taken, self._actions = self._actions, []
        return taken

    def change(self, options: RecordingOptions | None, stopped: str = "") -> None:
        """Record with other options from now on, or no longer. stopped: why not, where the user wants it."""
        self._options = options
        if options is None:
            self.error = stopped
            self.end(RecordingEnd.STORAGE_FULL if stopped else RecordingEnd.STOPPED)

    def cut(self) -> None:
        """Begin a new recording at the next keyframe, since the analysis changes."""
        self._cut = True

    def packet(self, config: CodecConfig, packet: Packet) -> None:
        """Record a packet where recording is on."""
        if self._options is None:
            return
        if packet.key:
            self._roll(config, packet, self._options)
        if self._current is not None:
            head = _fragment_head(packet) if config.init else JPEG_RECORD.pack(packet.pts, len(packet.data))
            self._actions.append(Written(self._current.id, head + packet.data))
            self._current.frames += 1
            self._current.end = max(self._current.end, packet.pts + packet.duration)

    def end(self, reason: RecordingEnd) -> None:
        """End the current recording, if there is one."""
        current, self._current, self._cut = self._current, None, False
        if current is not None:
            self._actions.append(Ended(current.id, current.end, current.frames, reason))

    def failed(self, recording_id: str, error: str) -> None:
        """A recording could not be written on: it is closed, and nothing more is written of it. Another one is tried
        after some time."""
        self.error = error
        self._actions = [action for action in self._actions if action.id != recording_id]
        self._not_before = time.monotonic() + _RETRY_SECONDS
        if self.current == recording_id:
            self._current = None

    def _roll(self, config: CodecConfig, packet: Packet, options: RecordingOptions) -> None:
        if self._current is not None:
            length = options.minutes * 60 * TICKS_PER_SECOND
            if config.number != self._current.config:
                self.end(RecordingEnd.CODEC_CHANGED)
            elif self._cut or packet.pts - self._current.start >= length:
                self.end(RecordingEnd.ROLLED)
        if not config.init and config.codec != "mjpeg":
            self.error = "unsupported_codec"
        elif self._current is None and time.monotonic() >= self._not_before:
            self._begin(config, packet)

    def _begin(self, config: CodecConfig, packet: Packet) -> None:
        self.error = ""
        self._current = _Current(str(uuid.uuid4()), config.number, packet.pts, packet.pts)
        opened = RecordingOpened(
            self._current.id, self._stream_id, self._user_id, packet.pts, packet.arrival, self._instance
        )
        self._actions += (opened, Written(opened.id, config.init or JPEG_MAGIC))


def _fragment_head(packet: Packet) -> bytes:
    """That of a recording, with the frame's own duration, where that for viewers has a long one."""
    times = (packet.pts, packet.dts, packet.duration)
    return fragment_head(packet.number + 1, *times, packet.key, len(packet.data))


@dataclass(slots=True)
class _Current:
    """start, end: in ticks."""

    id: str
    config: int
    start: int
    end: int
    frames: int = 0
