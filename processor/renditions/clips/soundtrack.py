"""The sound of a part of a video, beside pictures that are encoded anew."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, BinaryIO, Protocol

from av.container import OutputContainer
from av.packet import Packet

from processor.renditions.clips.samples import ENCODERS, LEAD, RATE, Block, Samples, frame_of
from processor.renditions.clips.sound import Sound, Span
from processor.renditions.encoder import Kind

# What browsers play of each container is kept as it is; other sound is encoded anew.
_KEPT = {"mp4": frozenset({"aac", "mp3", "opus"}), "webm": frozenset({"opus", "vorbis"})}


class _Voice(Protocol):
    """One sound stream. Times are in seconds from the beginning of the part."""

    def take(self, time: Fraction, packet: "Packet[Any]") -> Iterable["Packet[Any]"]: ...

    def end(self) -> Iterable["Packet[Any]"]: ...


class Soundtrack:
    """The sound streams of a file within a span; its packets, with times from the beginning of the span on."""

    def __init__(self, source: BinaryIO, span: Span) -> None:
        """Raises VideoRefused, av.error.FFmpegError."""
        self._length = None if span.end is None else span.end - span.begin
        self._sound = Sound(source, Span(span.begin - LEAD, span.end))
        self._voices: dict[int, _Voice] = {}
        self._packets: Iterator[tuple[Fraction, Packet[Any]]] = iter(())
        self._next: tuple[Fraction, Packet[Any]] | None = None

    def close(self) -> None:
        """Close the container; the source stays open."""
        self._sound.close()

    def begin(self, container: OutputContainer, kind: Kind) -> None:
        """Add the streams to a container of that kind."""
        for stream in self._sound.streams:
            if stream.codec_context.codec.canonical_name in _KEPT[kind.container]:
                self._voices[stream.index] = _Kept(container.add_stream_from_template(stream, opaque=True))
            else:
                self._voices[stream.index] = _Encoded(container, ENCODERS[kind.container], stream, self._length)
        if self._voices:
            self._packets = self._sound.packets()
            self._next = next(self._packets, None)

    def until(self, time: Fraction) -> Iterator["Packet[Any]"]:
        """What comes before a time."""
        while self._next is not None and self._next[0] - LEAD < time:
            begun, packet = self._next
            yield from self._voices[packet.stream_index].take(begun - LEAD, packet)
            self._next = next(self._packets, None)

    def rest(self) -> Iterator["Packet[Any]"]:
        """What has not come yet."""
        while self._next is not None:
            yield from self.until(self._next[0])
        for voice in self._voices.values():
            yield from voice.end()


class _Kept:
    """The packets that begin in the part, as they are stored."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def take(self, time: Fraction, packet: "Packet[Any]") -> Iterable["Packet[Any]"]:
        if time < 0:
            return ()
        unit = packet.time_base or Fraction(1)
        packet.stream = self._stream
        packet.pts = packet.dts = round(time / unit)
        packet.time_base = unit
        return (packet,)

    def end(self) -> Iterable["Packet[Any]"]:
        return ()


class _Encoded:
    """The samples of the part, encoded anew."""

    def __init__(self, container: OutputContainer, codec: str, source: Any, length: Fraction | None) -> None:
        self._layout = "mono" if source.codec_context.channels == 1 else "stereo"
        self._stream: Any = container.add_stream(codec, rate=RATE, layout=self._layout)
        self._samples = Samples(self._layout, length)

    def take(self, time: Fraction, packet: "Packet[Any]") -> Iterator["Packet[Any]"]:
        yield from self._encoded(self._samples.take(time, packet))

    def end(self) -> Iterator["Packet[Any]"]:
        yield from self._encoded(self._samples.end())
        yield from self._stream.encode(None)

    def _encoded(self, blocks: Iterable[Block]) -> Iterator["Packet[Any]"]:
        for block in blocks:
            yield from self._stream.encode(frame_of(block, self._layout))
