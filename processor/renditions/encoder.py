"""Encoder of copies for browsers: MP4 with H.264, or WebM with VP9 if there is no H.264 encoder."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO, Protocol

import av
from av.container import OutputContainer
from av.packet import Packet

from processor.renditions.picture import Picture

_LEAST_RATE, _MOST_RATE = 1, 240
_FINEST = 1_000_000  # ticks per second; a finer time base would overflow at long gaps
_GROUP_SECONDS = 2
_LEAST_GROUP, _MOST_GROUP = 12, 250
_LIMITED = 1
# FFmpeg's numbers (AVCOL_SPC) of the matrices of pictures.
_MATRICES = {"601": 6, "709": 1, "2020": 9}
_BT709 = 1  # as primaries and as a transfer function


@dataclass(frozen=True, slots=True)
class Target:
    """An empty file, opened twice. again: for reading by the muxer, which moves the index to the front."""

    sink: BinaryIO
    again: BinaryIO


@dataclass(frozen=True, slots=True)
class Kind:
    """An output format: container, encoder with options, media type."""

    container: str
    codec: str
    content_type: str
    options: dict[str, str]
    muxing: dict[str, str]


# No B-frames: decoding order is display order, so no edit list is needed, which some browsers get wrong.
_KINDS = (
    Kind("mp4", "libx264", "video/mp4", {"preset": "veryfast", "crf": "23", "bf": "0"}, {"movflags": "+faststart"}),
    Kind(
        "webm",
        "libvpx-vp9",
        "video/webm",
        {"deadline": "realtime", "cpu-used": "7", "crf": "33", "lag-in-frames": "0", "auto-alt-ref": "0"},
        {"cues_to_front": "1"},
    ),
)


def best_kind() -> Kind:
    """The first kind whose encoder is available."""
    return next(kind for kind in _KINDS if kind.codec in av.codecs_available)


class Beside(Protocol):
    """What is written beside the pictures of a copy: sound. Times are in seconds."""

    def begin(self, container: OutputContainer, kind: Kind) -> None:
        """Add the streams to the container."""

    def until(self, time: Fraction) -> Iterable["Packet[Any]"]:
        """Packets that come before a time."""

    def rest(self) -> Iterable["Packet[Any]"]:
        """Packets that have not come yet."""


class Copy:
    """Writes a copy; all pictures have the size of the first one."""

    def __init__(
        self,
        container: OutputContainer,
        kind: Kind,
        time_base: Fraction,
        fps: float,
        aspect: Fraction,
        threads: int,
        beside: Beside | None,
    ) -> None:
        self._container = container
        self._kind = kind
        self._source_base = time_base
        self._base = time_base if time_base.denominator <= _FINEST else Fraction(1, _FINEST)
        self._rate = Fraction(min(max(fps, _LEAST_RATE), _MOST_RATE)).limit_denominator(1001)
        self._aspect = aspect
        self._threads = threads
        self._beside = beside
        self._stream: Any = None
        self._shift = 0
        self._last: int | None = None

    def add(self, picture: Picture, time: int) -> None:
        """Add a picture that is shown from `time` on (in units of the time base)."""
        if self._stream is None:
            self._stream = self._begin(picture)
            self._shift = max(0, -self._ticks(time))  # no negative times
            if self._beside is not None:
                self._beside.begin(self._container, self._kind)
        frame = picture.to_frame()
        frame.pts, frame.time_base = self._ticks(time) + self._shift, self._base
        if self._last is not None and frame.pts <= self._last:  # equal after rounding to this time base
            frame.pts = self._last + 1
        self._last = frame.pts
        if self._beside is not None:
            self._container.mux(list(self._beside.until(frame.pts * self._base)))
        self._container.mux(self._stream.encode(frame))

    def end(self) -> None:
        """Flush the encoder after the last picture."""
        if self._stream is not None:
            self._container.mux(self._stream.encode())
            if self._beside is not None:
                self._container.mux(list(self._beside.rest()))

    def _ticks(self, time: int) -> int:
        return round(time * self._source_base / self._base)

    def _begin(self, picture: Picture) -> Any:
        stream: Any = self._container.add_stream(self._kind.codec, rate=self._rate, options=dict(self._kind.options))
        stream.width, stream.height = picture.size
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = self._base
        context = stream.codec_context
        group = round(float(self._rate) * _GROUP_SECONDS)
        context.gop_size = min(max(group, _LEAST_GROUP), _MOST_GROUP)
        context.thread_count = self._threads
        context.color_range = _LIMITED
        context.colorspace = _MATRICES[picture.matrix]
        if picture.matrix == "709":
            context.color_primaries = context.color_trc = _BT709
        if self._aspect != 1:
            context.sample_aspect_ratio = stream.sample_aspect_ratio = self._aspect
        return stream


@contextmanager
def copy_to(
    target: Target, time_base: Fraction, fps: float, aspect: Fraction, threads: int, beside: Beside | None = None
) -> Iterator[tuple[Copy, Kind]]:
    """A copy that is written to target, and its kind.

    time_base: of the times, in seconds. fps: approximate rate. aspect: pixel aspect ratio. beside: sound.
    """
    kind = best_kind()
    with av.open(
        target.sink, "w", format=kind.container, options=kind.muxing, io_open=lambda *_: target.again
    ) as container:
        copy = Copy(container, kind, time_base, fps, aspect, threads, beside)
        yield copy, kind
        copy.end()
