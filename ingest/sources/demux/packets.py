"""Packets of FFmpeg's demuxers as items of a source. For sandboxed processes."""

from collections.abc import Iterator
from fractions import Fraction

import msgspec
from av.packet import Packet
from av.video.stream import VideoStream

from ingest.sources.picture import sequence_parameters, size_of
from ingest.sources.port import SOURCE_TICKS, SourceConfig, SourcePacket
from media import jpeg
from media.keyframe_syntax import KeyframeSyntax

_UNITS = ("h264", "hevc")
_DEFAULT_FPS, _HIGHEST_FPS = 25, 1000


class Packets:
    """Of one video stream, from its first keyframe on."""

    def __init__(self, stream: VideoStream, rotation: int = 0) -> None:
        """rotation: see SourceConfig."""
        codec = stream.codec_context
        self._base = stream.time_base or Fraction(1, 1000)
        self._syntax = KeyframeSyntax(codec)
        fps = float(stream.average_rate or stream.guessed_rate or 0)
        fps = fps if fps <= _HIGHEST_FPS else 0  # the ticks of a clock, taken for frames
        extradata = bytes(codec.extradata or b"")
        name = codec.codec.canonical_name
        self._config = SourceConfig(name, extradata, stream.width, stream.height, rotation, fps)
        self._begun = False
        self.step = round(SOURCE_TICKS / (fps or _DEFAULT_FPS))

    def items(self, packet: "Packet[VideoStream]", arrival: float) -> Iterator[SourceConfig | SourcePacket]:
        """A packet, after the configuration where that is new. arrival: Unix seconds."""
        if not packet.size:
            return
        data = bytes(packet)
        key = self._is_key(packet, data)
        if key:
            config = self._at(packet, data)
            if config != self._config or not self._begun:
                self._config, self._begun = config, True
                yield config
        if self._begun:
            yield SourcePacket(self._ticks(packet.pts), self._ticks(packet.dts), key, arrival, data)

    def _is_key(self, packet: "Packet[VideoStream]", data: bytes) -> bool:
        """What the syntax says, where it does: the flags of containers and cameras are often wrong."""
        denied = self._syntax.denies(data)
        return not denied if self._config.codec in _UNITS else packet.is_keyframe and not denied

    def _at(self, packet: "Packet[VideoStream]", data: bytes) -> SourceConfig:
        """The configuration from a keyframe on."""
        config = self._config
        extradata, size = config.extradata, None
        if packet.has_sidedata("new_extradata"):
            extradata = bytes(packet.get_sidedata("new_extradata"))
        if config.codec == "mjpeg":
            size = jpeg.size(data)
        elif config.codec in _UNITS and (sets := sequence_parameters(config.codec, self._syntax.units(data))):
            size = size_of(config.codec, sets)
        width, height = size or (config.width, config.height)
        return msgspec.structs.replace(config, extradata=extradata, width=width, height=height)

    def _ticks(self, time: int | None) -> int | None:
        return None if time is None else round(time * self._base * SOURCE_TICKS)
