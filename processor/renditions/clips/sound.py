"""The sound of a part of a video, as packets."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from av.packet import Packet

from media.seekable_video import open_container

_BEFORE = 1  # seconds: files hold sound and pictures of one time not further apart
_AFTER = 10  # the same, where it would be wrong to end too early
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a file by the clock of its container, in seconds. end: None for that of the file."""

    begin: Fraction
    end: Fraction | None


class Sound:
    """The sound streams of a file within a span."""

    def __init__(self, source: BinaryIO, span: Span, *, from_start: bool = True) -> None:
        """from_start: read from the start of the file where a seek leads too far. Raises VideoRefused,
        av.error.FFmpegError."""
        self._source = source
        self._from_start = from_start
        self._span = span
        self._container = open_container(source)

    def close(self) -> None:
        """Close the container; the source stays open."""
        self._container.close()

    @property
    def streams(self) -> list[Any]:
        """Those that can be decoded."""
        return _streams(self._container)

    def packets(self) -> Iterator[tuple[Fraction, "Packet[Any]"]]:
        """Those that begin in the span, as they are stored: seconds from its beginning on, packet."""
        ended, count = set(), len(self.streams)
        for time, packet in self._from_before() if count else ():
            if self._span.end is not None and time >= self._span.end:
                ended.add(packet.stream_index)
                if len(ended) == count:
                    return
            elif time >= self._span.begin:
                yield time - self._span.begin, packet

    def _from_before(self) -> Iterator[tuple[Fraction, "Packet[Any]"]]:
        """From a place before the span on; where a seek leads too far, from the start of the file."""
        self._seek()
        packets = self._read()
        first = next(packets, None)
        if self._from_start and (first is None or first[0] > self._span.begin):
            self._container.close()
            self._container = open_container(self._source)
            packets = self._read()
        elif first is not None:
            yield first
        yield from packets

    def _seek(self) -> None:
        place = self._span.begin - _BEFORE
        if place > 0:
            with suppress(av.error.FFmpegError):
                self._container.seek(int(place * _MICROSECONDS))

    def _read(self) -> Iterator[tuple[Fraction, "Packet[Any]"]]:
        with suppress(av.error.InvalidDataError):  # a damaged tail: what was read before it counts
            # Pictures tell when the span is over, where sound ends before it.
            for packet in self._container.demux([*self.streams, *self._container.streams.video[:1]]):
                time = packet.dts if packet.pts is None else packet.pts
                if not packet.size or time is None or packet.time_base is None:
                    continue
                seconds = time * packet.time_base
                if packet.stream.type == "audio":
                    yield seconds, packet
                elif self._span.end is not None and seconds > self._span.end + _AFTER:
                    return


def _streams(container: InputContainer) -> list[Any]:
    return [stream for stream in container.streams.audio if stream.codec_context is not None]
