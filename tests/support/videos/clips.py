"""Small videos with known properties, made by PyAV. Each maker asserts the property that it is for."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, islice
from typing import Any

import av
import numpy as np
from msgspec import UNSET
from numpy.typing import NDArray

from contracts.models.catalogue import bundled
from contracts.wire.messages import SCHEMA_BY_PACKETS, Chunk, Clock, Location, Options, Plan, SeekPoint, Stretch

RATE = 25
JOB = "6a1f4d36-32a3-4d0c-9a5e-5f0a3a3f7a10"
VIDEO_KEY = "videos/x/content"


@dataclass(frozen=True)
class Clip:
    """A video as bytes, and its packets (pts, dts, is_keyframe) in the order of decoding."""

    content: bytes
    packets: tuple[tuple[int | None, int | None, bool], ...]
    width: int
    height: int

    @property
    def keyframes(self) -> list[int]:
        return [number for number, (_, _, key) in enumerate(self.packets) if key]

    def source(self) -> io.BytesIO:
        return io.BytesIO(self.content)


def clip(
    container: str = "mp4",
    codec: str = "libx264",
    *,
    frames: int = 60,
    every: int = 12,
    b_frames: int = 2,
    open_gop: bool = False,
    size: tuple[int, int] = (160, 96),
    clockwise: int = 0,
    images: Iterable[NDArray[np.uint8]] | None = None,
    times: Iterable[int] | None = None,
) -> Clip:
    """A clip with a keyframe every so many frames; with b_frames, some are stored out of order. times: of the frames,
    in units of 1/RATE s."""
    sink = io.BytesIO()
    with av.open(sink, "w", format=container) as writer:
        stream: Any = writer.add_stream(codec, rate=RATE, options=_options(codec, every, b_frames, open_gop))
        stream.width, stream.height, stream.pix_fmt = *size, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = every
        stream.codec_context.max_b_frames = b_frames
        if clockwise:
            stream.set_display_rotation(-clockwise)
        shown = images if images is not None else _moving(frames, size)
        for time, image in zip(count() if times is None else times, shown, strict=False):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, RATE)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
    made = Clip(sink.getvalue(), _packets(sink.getvalue()), *size)
    assert len(made.keyframes) == -(-len(made.packets) // every), "keyframes are not where they were asked for"
    return made


def reordered(made: Clip) -> bool:
    """Whether the container says that packets are decoded in another order than shown."""
    times = [pts for pts, _, _ in made.packets if pts is not None]
    return times != sorted(times)


def sequential(made: Clip, clock: Clock = "pts") -> list[tuple[int, bytes]]:
    """(time, bytes of the pixels) of all frames, decoded from the start to the end.

    Without times of display the n-th frame shown has the n-th time of decoding."""
    with av.open(made.source(), "r") as container:
        shown = list(container.decode(video=0))
    assert len(shown) == len(made.packets)
    times = [frame.pts for frame in shown] if clock == "pts" else sorted(dts for _, dts, _ in made.packets)  # type: ignore[type-var]
    return [(int(time or 0), pixels(frame)) for time, frame in zip(times, shown, strict=True)]


def pixels(frame: av.VideoFrame) -> bytes:
    """The decoded planes of a frame."""
    return frame.to_ndarray().tobytes()


def chunks(made: Clip, starts: list[int], clock: Clock = "pts", **changes: Any) -> list[Chunk]:
    """The clip cut by hand before the frames with the given numbers, the first of them 0."""
    column = 0 if clock == "pts" else 1
    times = sorted(packet[column] for packet in made.packets)  # type: ignore[type-var]
    order = display_order(made)
    keys = sorted((order.index(number), number) for number in made.keyframes)
    result = []
    for index, (start, stop) in enumerate(zip(starts, [*starts[1:], len(times)], strict=True)):
        before = [seek_point(made, number) for rank, number in keys if rank <= start]
        values: dict[str, Any] = {
            "schema": SCHEMA_BY_PACKETS,
            "job_id": JOB,
            "index": index,
            "video_key": VIDEO_KEY,
            "plan": plan(),
            "clock": clock,
            "rotation": 0,
            "width": made.width,
            "height": made.height,
            "seeks": (),
            "first_frame": start,
            "times": tuple(times[start:stop]),
            "end": None,
            "packets": tuple(order[start:stop]),
            # The file's own first keyframe is its start.
            "stretches": (Stretch(0, (*before[:0:-1], None), max(order[start:stop])),),
        }
        result.append(Chunk(**(values | changes)))
    return result


def packets_of(chunk: Chunk) -> tuple[int, ...]:
    """The packets of the chunk's frames."""
    assert chunk.packets is not UNSET
    return chunk.packets


def display_order(made: Clip) -> list[int]:
    """The packet of each frame, in the order in which PyAV gives the frames."""
    numbers = []
    with av.open(made.source(), "r") as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for number, packet in enumerate(container.demux(stream)):
            if packet.size:
                packet.pts = number
            numbers += [int(frame.pts or 0) for frame in packet.decode()]
    return numbers


def seek_point(made: Clip, number: int) -> SeekPoint:
    """The keyframe with that packet number."""
    with av.open(made.source(), "r") as container:
        packet = next(islice(container.demux(video=0), number, None))
        return SeekPoint(number, Location(packet.pos, packet.size), packet.pts, packet.dts)


def plan(precision: str = "auto", **options: Any) -> Plan:
    """A plan for the default model."""
    model = bundled("nanodet-g")
    return Plan(model.id, model.digest(), model.engine, precision, Options(**options))


def _options(codec: str, every: int, b_frames: int, open_gop: bool) -> dict[str, str]:
    if codec != "libx264":
        return {"mpv_flags": "+strict_gop", "sc_threshold": "1000000000"} if codec.startswith("mpeg") else {}
    fixed = f"keyint={every}:min-keyint={every}:scenecut=0:bframes={b_frames}:b-adapt=0:open-gop={int(open_gop)}"
    return {"preset": "veryfast", "x264-params": fixed}


def _moving(frames: int, size: tuple[int, int]) -> Iterable[NDArray[np.uint8]]:
    """Pictures that all differ: a pattern that wanders over noise that stays."""
    noise = np.random.default_rng(7).integers(0, 40, (size[1], size[0], 3))
    y, x = np.mgrid[: size[1], : size[0]]
    for number in range(frames):
        waves = np.stack([x + number * 3, y + number * 2, x + y + number * 5], axis=2) % 200
        yield (waves + noise).astype(np.uint8)


def _packets(content: bytes) -> tuple[tuple[int | None, int | None, bool], ...]:
    with av.open(io.BytesIO(content), "r") as container:
        return tuple((packet.pts, packet.dts, packet.is_keyframe) for packet in container.demux(video=0) if packet.size)
