"""Videos of every kind, made by PyAV, and what a plain decode from the start to the end says of them."""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from contracts.wire.messages import Clock

RATE = 25
FRAMES = 48
EVERY = 12
SIZE = (64, 48)
ODD = (161, 97)
NUMBER_BITS = 6

_PARAMETERS = {"libx264": "x264-params", "libx265": "x265-params", "libsvtav1": "svtav1-params"}
_FAST = {
    "libx264": {"preset": "veryfast"},
    "libx265": {"preset": "ultrafast"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0", "lag-in-frames": "0"},
    "libsvtav1": {"preset": "12"},
    "mpeg4": {"mpv_flags": "+strict_gop", "sc_threshold": "1000000000"},
    "wmv2": {"mpv_flags": "+strict_gop", "sc_threshold": "1000000000"},
    "mpeg2video": {"mpv_flags": "+strict_gop", "sc_threshold": "1000000000"},
}
_FORMATS = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le", "apng": "rgb24", "png": "rgb24", "gif": "rgb8"}


@dataclass(frozen=True)
class Packet:
    """What a container says of a packet."""

    pts: int | None
    dts: int | None
    key: bool
    discard: bool


@dataclass(frozen=True)
class File:
    """A video as bytes, and what PyAV alone reads from it, without the project's code."""

    content: bytes

    def source(self) -> io.BytesIO:
        return io.BytesIO(self.content)

    @cached_property
    def packets(self) -> list[Packet]:
        with av.open(self.source(), "r") as container:
            return [Packet(p.pts, p.dts, p.is_keyframe, p.is_discard) for p in container.demux(video=0) if p.size]

    @cached_property
    def frames(self) -> list[VideoFrame]:
        """All frames that come out when the file is decoded from its start."""
        shown: list[VideoFrame] = []
        with av.open(self.source(), "r") as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            for packet in container.demux(stream):
                try:
                    shown += packet.decode()
                except av.error.InvalidDataError:
                    continue
        return shown

    def shown(self, clock: Clock) -> list[tuple[int, bytes]]:
        """(time, pixels) of the frames from the first keyframe on, from where the container's clock begins.

        Where containers hold no times of display, the n-th frame has the n-th time of decoding; without any times,
        frames are counted."""
        packets = [p for p in self.packets if not p.discard]
        if all(p.dts is None for p in packets):
            return [(number, planes(frame)) for number, frame in enumerate(self.frames)]
        if clock == "dts":
            times = sorted(p.dts for p in packets if p.dts is not None)[-len(self.frames) :]
            start = next(p.dts for p in packets if p.key)
        else:
            times = [f.pts for f in self.frames if f.pts is not None]
            start = min(p.pts for p in self.packets if p.key and p.pts is not None)
        assert start is not None
        assert len(times) == len(self.frames)
        pairs = [(time - self.origin, planes(frame)) for time, frame in zip(times, self.frames, strict=True)]
        return [(time, content) for time, content in pairs if time + self.origin >= start]

    @cached_property
    def origin(self) -> int:
        """Where players let the clock begin, in units of the stream's time base: many containers have times of
        display, and Matroska has them where it was not written live."""
        with av.open(self.source(), "r") as container:
            base, name = container.streams.video[0].time_base, container.format.name
            live = name.startswith("matroska") and container.duration is None and b"webm" not in self.content[:64]
            if not (live or name in ("mpegts", "mpeg", "flv", "asf")) or container.start_time is None or base is None:
                return 0
            return max(0, round(Fraction(container.start_time, 1_000_000) / base))

    @property
    def reordered(self) -> bool:
        """Whether packets are stored in another order than shown, as the container tells."""
        times = [p.pts for p in self.packets if p.pts is not None]
        return times != sorted(times)

    @property
    def leading(self) -> bool:
        """Whether a packet stored after a keyframe is shown before it: an open group."""
        shown, latest = False, None
        for packet in self.packets:
            if packet.key:
                latest = packet.pts
            elif latest is not None and packet.pts is not None:
                shown |= packet.pts < latest
        return shown

    @cached_property
    def aspect(self) -> Fraction | None:
        with av.open(self.source(), "r") as container:
            return container.streams.video[0].sample_aspect_ratio

    @property
    def keyframes(self) -> list[int]:
        return [number for number, packet in enumerate(self.packets) if packet.key]


@contextmanager
def fair_turn() -> Iterator[None]:
    """SVT-AV1 makes a process of root's a real-time one, and all that it starts: two of them that wait for each other
    can stop a machine."""
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@fair_turn()
def encode(
    container: str,
    codec: str,
    *,
    frames: int = FRAMES,
    times: Sequence[int] | None = None,
    every: int = EVERY,
    b_frames: int = 0,
    open_groups: bool = False,
    size: tuple[int, int] = SIZE,
    pixels: str | None = None,
    clockwise: int = 0,
    mirrored: bool = False,
    aspect: Fraction | None = None,
    parameters: Iterable[str] = (),
    options: dict[str, str] | None = None,
    muxing: dict[str, str] | None = None,
    bit_rate: int = 2_000_000,
    first: int | None = None,
    rate: Fraction = Fraction(RATE),
) -> File:
    """A video of frames that all differ. times: of the frames, in units of 1/rate s. first: number that its first
    picture shows, see numbered; None for other pictures.

    mirrored: left to right, before players turn it clockwise.
    """
    times = range(frames) if times is None else times
    sink = io.BytesIO()
    with av.open(sink, "w", format=container, options=muxing or {}) as writer:
        chosen = _FAST.get(codec, {}) | _grouping(codec, every, b_frames, open_groups, parameters) | (options or {})
        stream: Any = writer.add_stream(codec, rate=rate, options=chosen)
        stream.width, stream.height = size
        stream.pix_fmt = pixels or _FORMATS.get(codec, "yuv420p")
        stream.codec_context.gop_size = every
        stream.codec_context.thread_count = 1
        stream.bit_rate = bit_rate
        if codec not in ("libx265", "libsvtav1"):
            stream.codec_context.max_b_frames = b_frames
        if aspect:
            stream.codec_context.sample_aspect_ratio = stream.sample_aspect_ratio = aspect
        if clockwise or mirrored:  # PyAV mirrors behind the turn
            stream.set_display_rotation(clockwise if mirrored else -clockwise, hflip=mirrored)
        images = moving(len(times), size) if first is None else numbered(first, len(times), size)
        for time, image in zip(times, images, strict=True):
            frame = VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, 1 / rate
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
    return File(sink.getvalue())


def remux(
    file: File,
    container: str,
    *,
    drop: Callable[[int], bool] = lambda number: False,
    change: Callable[[int, bytes], bytes] | None = None,
    shift: Fraction = Fraction(0),
    all_keyframes: bool = False,
    muxing: dict[str, str] | None = None,
) -> File:
    """The same packets in another container. drop: whether to leave one out, by its position; change: its new content;
    shift: seconds by which all times are moved; all_keyframes: whether each is called a keyframe."""
    sink = io.BytesIO()
    with (
        av.open(file.source(), "r") as reader,
        av.open(sink, "w", format=container, options=muxing or {}) as writer,
    ):
        stream = writer.add_stream_from_template(reader.streams.video[0])
        for number, packet in enumerate(reader.demux(video=0)):
            if not packet.size or drop(number):
                continue
            ticks = round(shift / (packet.time_base or 1))
            copy: Any = av.Packet(change(number, bytes(packet)) if change else bytes(packet))
            copy.pts = None if packet.pts is None else packet.pts + ticks
            copy.dts = None if packet.dts is None else packet.dts + ticks
            copy.time_base, copy.duration, copy.stream = packet.time_base, packet.duration, stream
            copy.is_keyframe = all_keyframes or packet.is_keyframe
            writer.mux(copy)
    return File(sink.getvalue())


def planes(frame: VideoFrame) -> bytes:
    """The pixels of a frame as decoded, of odd sizes too, without the padding of the lines."""
    kind = frame.format
    deep = 2 if kind.components[0].bits > 8 else 1
    width = deep if len(frame.planes) > 1 else kind.padded_bits_per_pixel // 8
    rows = [
        np.frombuffer(memoryview(p), np.uint8).reshape(p.height, p.line_size)[:, : p.width * width]
        for p in frame.planes
    ]
    return b"".join(row.tobytes() for row in rows)


def moving(frames: int, size: tuple[int, int]) -> Iterable[NDArray[np.uint8]]:
    """Pictures that all differ: a pattern that wanders over noise that stays."""
    noise = np.random.default_rng(7).integers(0, 40, (size[1], size[0], 3))
    y, x = np.mgrid[: size[1], : size[0]]
    for number in range(frames):
        waves = np.stack([x + number * 3, y + number * 2, x + y + number * 5], axis=2) % 200
        yield (waves + noise).astype(np.uint8)


def numbered(first: int, frames: int, size: tuple[int, int]) -> Iterable[NDArray[np.uint8]]:
    """Pictures of which each shows its number: bars from left to right, white for each bit, the least one first."""
    bars = np.arange(size[0]) * NUMBER_BITS // size[0]
    for number in range(first, first + frames):
        row = ((number >> bars) & 1).astype(np.uint8) * 255
        yield np.broadcast_to(row[None, :, None], (size[1], size[0], 3)).copy()


def _grouping(codec: str, every: int, b_frames: int, open_groups: bool, more: Iterable[str]) -> dict[str, str]:
    """Options that put a keyframe at each of so many frames, and nowhere else."""
    own = {
        "libx264": ["scenecut=0", "b-adapt=0", f"keyint={every}", f"min-keyint={every}", f"bframes={b_frames}"],
        "libx265": ["scenecut=0", "b-adapt=0", f"keyint={every}", f"min-keyint={every}", f"bframes={b_frames}"],
        "libsvtav1": [f"keyint={every}", "lp=1"],
    }.get(codec)
    if own is None:
        return {}
    if codec in ("libx264", "libx265"):
        own.append(f"open-gop={int(open_groups)}")
    if codec == "libx265":
        own += ["log-level=none", "pools=none", "frame-threads=1"]
    return {_PARAMETERS[codec]: ":".join([*own, *more])}
