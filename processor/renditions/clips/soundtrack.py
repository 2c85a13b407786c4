"""The sound of a part of a video, beside pictures that are encoded anew."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any, BinaryIO, Protocol

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from av.packet import Packet

from processor.renditions.clips.sound import Sound, Span
from processor.renditions.encoder import Kind

# What browsers play of each container is kept as it is; other sound is encoded anew.
_KEPT = {"mp4": frozenset({"aac", "mp3", "opus"}), "webm": frozenset({"opus", "vorbis"})}
_ENCODERS = {"mp4": "aac", "webm": "libopus"}
_RATE = 48_000  # samples per second of what is encoded; Opus knows no other one near it
_FORMAT = "fltp"
_LEAD = Fraction(1)  # seconds before the part that are decoded too: a packet may begin before and end within it


class _Voice(Protocol):
    """One sound stream. Times are in seconds from the beginning of the part."""

    def take(self, time: Fraction, packet: "Packet[Any]") -> Iterable["Packet[Any]"]: ...

    def end(self) -> Iterable["Packet[Any]"]: ...


class Soundtrack:
    """The sound streams of a file within a span; its packets, with times from the beginning of the span on."""

    def __init__(self, source: BinaryIO, span: Span) -> None:
        """Raises VideoRefused, av.error.FFmpegError."""
        self._length = None if span.end is None else span.end - span.begin
        self._sound = Sound(source, Span(span.begin - _LEAD, span.end))
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
                self._voices[stream.index] = _Encoded(container, _ENCODERS[kind.container], stream, self._length)
        if self._voices:
            self._packets = self._sound.packets()
            self._next = next(self._packets, None)

    def until(self, time: Fraction) -> Iterator["Packet[Any]"]:
        """What comes before a time."""
        while self._next is not None and self._next[0] - _LEAD < time:
            begun, packet = self._next
            yield from self._voices[packet.stream_index].take(begun - _LEAD, packet)
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
        layout = "mono" if source.codec_context.channels == 1 else "stereo"
        self._stream: Any = container.add_stream(codec, rate=_RATE, layout=layout)
        self._resampler = AudioResampler(_FORMAT, layout, _RATE)
        self._stop = None if length is None else round(length * _RATE)
        self._at: int | None = None  # of the sample that comes next, counted from the beginning of the part

    def take(self, time: Fraction, packet: "Packet[Any]") -> Iterator["Packet[Any]"]:
        with suppress(av.error.InvalidDataError):  # a damaged packet is left out
            frames: list[Any] = packet.decode()
            for frame in frames:
                # Frames come later than their packets where a decoder holds some back: they have times of their own.
                shift = (
                    0
                    if frame.pts is None or packet.pts is None
                    else (frame.pts * frame.time_base) - packet.pts * packet.time_base
                )
                yield from self._resampled(frame, time + shift)

    def end(self) -> Iterator["Packet[Any]"]:
        if self._at is not None:
            for frame in self._resampler.resample(None):
                yield from self._within(frame)
        yield from self._stream.encode(None)

    def _resampled(self, frame: AudioFrame, time: Fraction) -> Iterator["Packet[Any]"]:
        begin = round(time * _RATE)
        # Times of containers are coarse: only where sound is missing does it go on at another place.
        if self._at is None or abs(begin - self._at) > _RATE // 20:
            self._at = begin
        frame.pts = None
        for piece in self._resampler.resample(frame):
            yield from self._within(piece)

    def _within(self, frame: AudioFrame) -> Iterator["Packet[Any]"]:
        """Encode the samples of a frame that are in the part."""
        begin, samples = self._at or 0, frame.to_ndarray()
        self._at = begin + samples.shape[1]
        first = max(0, -begin)
        last = samples.shape[1] if self._stop is None else min(samples.shape[1], self._stop - begin)
        if first < last:
            kept = AudioFrame.from_ndarray(samples[:, first:last].copy(), _FORMAT, frame.layout.name)
            kept.sample_rate, kept.pts, kept.time_base = _RATE, begin + first, Fraction(1, _RATE)
            yield from self._stream.encode(kept)
