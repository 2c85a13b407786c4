"""The packager: from what a source reads to the packets and configurations of its stream."""

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from contracts.live.packets import CodecConfig, Packet
from contracts.live.streams import TICKS_PER_SECOND
from ingest.packaging.boxes import fragment_head
from ingest.packaging.clock import StreamClock
from ingest.packaging.configurations import described, is_complete, jpeg_config, nal_config, other_config
from ingest.packaging.nal_units import ParameterSets, read_extradata, sample, units_of
from ingest.sources.port import SourceConfig, SourcePacket
from media import jpeg

_NAL_CODECS = ("h264", "hevc")
_DEFAULT_FPS = 25.0
_REORDERED = 6  # packets, at most
_LONGEST_FRAME = 2 * TICKS_PER_SECOND
# A browser takes a frame that begins more than two durations after the one before for a new beginning, and leaves out
# all up to the next keyframe. Frames of cameras come at uneven times, so viewers are told that each is long: the next
# one ends it anyway.
_DURATION_FOR_VIEWERS = 2 * TICKS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Position:
    """Where a stream is, so that another ingest continues it: the number of its next packet, the number of its last
    configuration, the least time of its next packet in ticks, and the arrival of its last packet (Unix seconds)."""

    packet: int = 0
    config: int = 0
    ticks: int = 0
    arrival: float = 0


class Packager:
    """Of one stream, for all connections of its source. Pure: no input or output."""

    def __init__(self, started_at: float, position: Position = Position()) -> None:
        """started_at: Unix seconds of tick 0 of the stream clock."""
        self._clock = StreamClock(started_at, position.ticks)
        self._number, self._configs = position.packet, position.config
        self._source: SourceConfig | None = None
        self._sets: ParameterSets = {}
        self._length_bytes = 0
        self._config: CodecConfig | None = None
        self._waiting = True  # for a keyframe
        self._restart = False
        self._shown: deque[int] = deque(maxlen=_REORDERED)  # pts of the last packets
        self._duration = 0

    @property
    def config(self) -> CodecConfig | None:
        """The current configuration."""
        return self._config

    def reconnected(self) -> None:
        """The source was connected anew: wait for its configuration and a keyframe."""
        self._clock.restart()
        self._source = None
        self._shown.clear()
        self._waiting = self._restart = True

    def configure(self, source: SourceConfig) -> None:
        """What the source says before its packets."""
        self._source = source
        self._waiting = True
        self._duration = round(TICKS_PER_SECOND / (source.fps or _DEFAULT_FPS))
        if source.codec in _NAL_CODECS:
            self._sets, self._length_bytes = read_extradata(source.codec, source.extradata)

    def packet(self, item: SourcePacket) -> list[CodecConfig | Packet]:
        """The packet of the stream, behind a configuration where that is new; nothing before the first keyframe."""
        if self._source is None or (self._waiting and not item.key):
            return []
        data, config = self._framed(self._source, item)
        if config is None or not data:
            return []
        new = config is not self._config
        self._config = config
        self._restart = self._restart or item.lost > 0
        self._waiting = False
        packet = self._timed(item, data, config)
        return [config, packet] if new else [packet]

    def _timed(self, item: SourcePacket, data: bytes, config: CodecConfig) -> Packet:
        pts, dts = self._clock.times(item.pts, item.dts, item.arrival)
        self._shown.append(pts)
        steps = [later - earlier for earlier, later in pairwise(sorted(self._shown))]
        if steps and min(steps) < _LONGEST_FRAME:
            self._duration = min(steps)
        times = (pts, dts, _DURATION_FOR_VIEWERS)
        head = fragment_head(self._number + 1, *times, item.key, len(data)) if config.init else b""
        packet = Packet(
            config=config.number,
            number=self._number,
            pts=pts,
            dts=dts,
            duration=self._duration,
            key=item.key,
            arrival=item.arrival,
            data=data,
            head=head,
            restart=self._restart,
        )
        self._number += 1
        self._restart = False
        return packet

    def _framed(self, source: SourceConfig, item: SourcePacket) -> tuple[bytes, CodecConfig | None]:
        """The packet's data as in mp4, and the configuration that it needs."""
        if source.codec in _NAL_CODECS:
            data, sets = sample(source.codec, units_of(item.data, self._length_bytes))
            if item.key:
                self._sets = {**self._sets, **sets}
                return data, self._current(self._nal_config(source))
            return data, self._config
        if source.codec == "mjpeg":
            size = jpeg.size(item.data)
            return item.data, self._config if size is None else self._current(jpeg_config(0, size, source.rotation))
        size = (source.width, source.height)
        return item.data, self._current(other_config(0, source.codec, source.extradata, size, source.rotation))

    def _nal_config(self, source: SourceConfig) -> CodecConfig | None:
        if not is_complete(source.codec, self._sets):
            return None
        found = described(source.codec, self._sets)
        return None if found is None else nal_config(0, source.codec, found, source.rotation)

    def _current(self, config: CodecConfig | None) -> CodecConfig | None:
        """The current configuration where it says the same, else this one with the next number."""
        known = self._config
        if config is None:
            return None
        if known is not None and msgspec.structs.replace(config, number=known.number) == known:
            return known
        self._configs += 1
        return msgspec.structs.replace(config, number=self._configs)
