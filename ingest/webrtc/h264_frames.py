"""From the frames of an RTP sender to the packets of a source: only what a decoder can decode. Pure."""

from contracts.live.streams import TICKS_PER_SECOND
from ingest.sources.port import SourceConfig, SourcePacket
from ingest.webrtc import nal_units
from ingest.webrtc.rtp_frames import RtpFrame
from media.h264_syntax import picture_size

_WRAP = 1 << 32
# Frames further apart than this tell nothing of the frame rate.
_MOST_INTERVAL = TICKS_PER_SECOND
_MOST_PREFIX = 64 * 1024  # bytes
_BEGINNINGS = (nal_units.SEQUENCE_PARAMETERS, nal_units.DELIMITER)


class H264Frames:
    """Of one session. After a lost frame, frames are left out up to the next keyframe, and counted as lost: a decoder
    would make pictures of them that never were.

    wants_keyframe: whether frames are left out now.
    """

    def __init__(self) -> None:
        self.wants_keyframe = False
        self._begun = False
        self._parameters: dict[int, bytes] = {}
        self._config: SourceConfig | None = None
        self._prefix: list[bytes] = []
        self._times = _Times()
        self._left_out: set[int] = set()
        self._missing = 0

    def take(self, frame: RtpFrame, arrival: float, wall: float | None) -> tuple[SourceConfig, SourcePacket] | None:
        """The frame as a packet with its configuration, which is the same object until it changes. None where it is
        left out or has no picture. arrival, wall: of the packet."""
        units = _units(frame)
        if units is not None and not any(map(nal_units.is_slice, units)):
            self._note_parameters(units)
            # They belong to the next picture; a sender of nothing else fills no memory.
            self._prefix = [*self._prefix, *units] if _size(self._prefix) < _MOST_PREFIX else units
            return None
        key = units is not None and self._is_key(units)
        if units is None or not self._is_decodable(frame, units, key):
            self._leave_out(frame)
            return None
        return self._packet(frame, [*self._prefix, *units], key, arrival, wall)

    def _is_decodable(self, frame: RtpFrame, units: list[bytes], key: bool) -> bool:
        if frame.missing:  # some of them may be its own first ones
            return key and nal_units.kind(units[0]) in _BEGINNINGS
        return key or (self._begun and not self.wants_keyframe)

    def _packet(
        self, frame: RtpFrame, units: list[bytes], key: bool, arrival: float, wall: float | None
    ) -> tuple[SourceConfig, SourcePacket]:
        lost = self._lost(frame)
        self._begun, self.wants_keyframe = True, False
        self._left_out.clear()
        self._prefix, self._missing = [], 0
        pts = self._times.unwrapped(frame.timestamp, consecutive=not lost)
        config = self._config = self._current_config()
        return config, SourcePacket(pts, pts, key, arrival, nal_units.annex_b(units), wall, lost)

    def _is_key(self, units: list[bytes]) -> bool:
        self._note_parameters(units)
        return len(self._parameters) == 2 and any(nal_units.kind(unit) == nal_units.IDR_SLICE for unit in units)

    def _note_parameters(self, units: list[bytes]) -> None:
        for unit in units:
            if nal_units.kind(unit) in (nal_units.SEQUENCE_PARAMETERS, nal_units.PICTURE_PARAMETERS):
                self._parameters[nal_units.kind(unit)] = unit

    def _current_config(self) -> SourceConfig:
        sequence = self._parameters[nal_units.SEQUENCE_PARAMETERS]
        extradata = nal_units.annex_b([sequence, self._parameters[nal_units.PICTURE_PARAMETERS]])
        if self._config is not None and self._config.extradata == extradata:
            return self._config
        width, height = picture_size(sequence) or (0, 0)
        return SourceConfig("h264", extradata, width, height)

    def _leave_out(self, frame: RtpFrame) -> None:
        self.wants_keyframe = True
        self._prefix = []
        self._missing += frame.missing
        self._left_out.add(frame.timestamp)

    def _lost(self, frame: RtpFrame) -> int:
        """Number of frames lost since the packet before: those left out, and those of which nothing came, by their
        times."""
        seen = len(self._left_out - {frame.timestamp})
        missing = self._missing + frame.missing
        gone = self._times.frames_up_to(frame.timestamp) - seen if missing else 0
        return seen + max(0, min(gone, missing))


class _Times:
    """The 90 kHz times of frames without their wraps, and the distance of the last two that follow each other."""

    def __init__(self) -> None:
        self._last: int | None = None
        self._interval = 0

    def unwrapped(self, timestamp: int, *, consecutive: bool) -> int:
        """The next frame's time; it may lie behind the one before. consecutive: no frame lies between them."""
        if self._last is None:
            self._last = timestamp
            return timestamp
        step = self._step(timestamp)
        if consecutive and 0 < step < _MOST_INTERVAL:
            self._interval = step
        self._last += step
        return self._last

    def frames_up_to(self, timestamp: int) -> int:
        """How many frames lie between the last frame and this time."""
        if self._last is None:
            return 0
        step = self._step(timestamp)
        return max(0, round(step / self._interval) - 1) if self._interval else 1

    def _step(self, timestamp: int) -> int:
        return (timestamp - (self._last or 0) + _WRAP // 2) % _WRAP - _WRAP // 2


def _size(units: list[bytes]) -> int:
    return sum(map(len, units))


def _units(frame: RtpFrame) -> list[bytes] | None:
    """The NAL units, None where some are missing."""
    try:
        units = nal_units.units_of(frame.payloads)
    except ValueError:
        return None
    return units if frame.whole else None
