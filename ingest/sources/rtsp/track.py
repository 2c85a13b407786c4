"""One video track of RTP (RFC 3550): from packets to frames with times. Pure."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.sources.port import SOURCE_TICKS, SourcePacket
from ingest.sources.rtsp.frames import Frames

_HEADER = struct.Struct(">BBHII")
_SENDER_REPORT = struct.Struct(">IIII")
_SENDER_REPORT_TYPE, _GOODBYE = 200, 203
_SENDER_REPORT_BYTES = 24
_VERSION = 2
_PLAIN = _VERSION << 6  # the first byte of most packets
FRAME_MAX_BYTES = 32 * 1024**2
_PACKET_BYTES = 64  # that it takes to keep a packet, beside its own
_1900_TO_1970 = 2_208_988_800
_FIRST_LIKELY_TIME = 946_684_800  # the year 2000: a camera whose clock was never set says something earlier


@dataclass(slots=True)
class _Report:
    """When the sender's clock showed a time of RTP."""

    seconds: float
    time: int


class Track:
    """Takes the packets of one payload type in the order in which they come over TCP.

    clock: ticks per second of RTP's times.
    """

    def __init__(self, frames: Frames, payload_type: int, clock: int) -> None:
        self._frames, self._payload_type, self._clock = frames, payload_type, clock
        self._source: int | None = None
        self._number = 0  # of the packet before
        self._rtp_time = 0  # of the frame at work, 32 bits
        self._time = 0  # the same without wrapping
        self._step = 0  # between the frames before
        self._report: _Report | None = None
        self._lost = 0
        self._damaged = False
        self._bytes = 0  # of the packets that are kept for it
        # Some cameras mark each packet. Of those a frame ends where the time changes.
        self._marks_end_frames = True
        self._is_given = False  # the frame at work, or dropped

    def rtp(self, data: bytes, arrival: float) -> Sequence[SourcePacket]:
        """The frames that end with a packet: mostly none or one."""
        return () if self._continues(data) else tuple(self._rtp(data, arrival))

    def _continues(self, data: bytes) -> bool:
        """Whether a packet is what most are, and was taken: the next one of the frame at work, and not its last one."""
        if len(data) <= _HEADER.size:
            return False
        first, second, number, time, source = _HEADER.unpack_from(data)
        if (
            first != _PLAIN  # without extension, padding and further sources
            or second != self._payload_type  # without mark
            or source != self._source
            or time != self._rtp_time
            or number != (self._number + 1) & 0xFFFF
            or self._is_given
        ):
            return False
        self._number = number
        self._add(data[_HEADER.size :])
        return True

    def _rtp(self, data: bytes, arrival: float) -> Iterator[SourcePacket]:
        """The same for any packet."""
        content = _content(data)
        if content is None:
            return
        marked, number, time, source, payload = content
        if data[1] & 0x7F != self._payload_type:
            return
        if source != self._source:
            self._begin(source, time)
            number_before = number - 1
        else:
            number_before = self._number
        gap, self._number = number != (number_before + 1) & 0xFFFF, number
        if time != self._rtp_time:
            yield from self._next_time(time, gap, arrival)
        elif gap:
            self._damaged = True
        elif self._is_given and self._marks_end_frames:
            self._marks_end_frames, self._is_given, self._damaged = False, False, True
        self._add(payload)
        if marked and self._marks_end_frames and (self._frames.is_whole or self._damaged):
            yield from self._ended(arrival)

    def rtcp(self, data: bytes) -> bool:
        """RTCP packets, one after the other: the sender's clock. Whether the sender says goodbye."""
        place = 0
        while place + 4 <= len(data) and data[place] >> 6 == _VERSION:
            kind, size = data[place + 1], 4 + 4 * int.from_bytes(data[place + 2 : place + 4], "big")
            if kind == _GOODBYE:
                return True
            if kind == _SENDER_REPORT_TYPE and len(data) - place >= _SENDER_REPORT_BYTES:
                _, seconds, fraction, time = _SENDER_REPORT.unpack_from(data, place + 4)
                unix = seconds - _1900_TO_1970 + fraction / 2**32
                self._report = _Report(unix, time) if unix >= _FIRST_LIKELY_TIME else None
            place += size
        return False

    @property
    def extradata(self) -> bytes:
        """The parameter sets of the frames so far."""
        return self._frames.extradata

    def _add(self, payload: bytes) -> None:
        self._bytes += len(payload) + _PACKET_BYTES
        if self._bytes > FRAME_MAX_BYTES or not self._frames.add(payload):
            self._damaged = True

    def _begin(self, source: int, time: int) -> None:
        """The sender began anew, with other numbers and times."""
        self._frames.drop()
        self._lost += self._source is not None
        self._source, self._rtp_time, self._time, self._report = source, time, time, None
        self._is_given = self._damaged = False
        self._bytes = 0

    def _next_time(self, time: int, gap: bool, arrival: float) -> Iterator[SourcePacket]:
        """A packet of the next frame. Those that are missing before it were the end of the frame before; or whole
        frames, where the time says so; or else its own beginning."""
        had_ended = self._is_given
        self._damaged |= gap
        yield from self._ended(arrival)
        step = _signed(time - self._rtp_time)
        self._is_given = self._damaged = False
        self._rtp_time, self._time = time, self._time + step
        if gap:
            between = max(0, round(step / self._step) - 1) if self._step else 0
            self._lost += between
            self._damaged = had_ended and not between
        elif step > 0:
            self._step = step

    def _ended(self, arrival: float) -> Iterator[SourcePacket]:
        """Give out the frame at work, if it is whole."""
        if self._is_given:
            return
        if self._damaged or self._frames.is_cut:
            self._frames.drop()
            self._lost += 1
            self._is_given, self._damaged, self._bytes = self._marks_end_frames, False, 0
        elif self._frames.is_whole:
            data, key = self._frames.take()
            lost, self._lost, self._is_given, self._bytes = self._lost, 0, True, 0
            pts = self._time * SOURCE_TICKS // self._clock
            yield SourcePacket(pts, None, key, arrival, data, self._wall(), lost)
        # Else these are parameter sets with a time of their own, and belong to the frame that follows.

    def _wall(self) -> float | None:
        if self._report is None:
            return None
        return self._report.seconds + _signed(self._rtp_time - self._report.time) / self._clock


def _content(data: bytes) -> tuple[bool, int, int, int, bytes] | None:
    """(mark, number, time, source, payload) of an RTP packet; None of other bytes."""
    if len(data) < _HEADER.size or data[0] >> 6 != _VERSION:
        return None
    first, second, number, time, source = _HEADER.unpack_from(data)
    start, end = _HEADER.size + 4 * (first & 15), len(data)
    if first & 0x10:  # an extension
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20:  # padding, with its length in the last byte
        end -= data[-1]
    return (bool(second & 0x80), number, time, source, data[start:end]) if start < end else None


def _signed(difference: int) -> int:
    """A difference of 32-bit times that may have wrapped."""
    return (difference + 2**31) % 2**32 - 2**31
