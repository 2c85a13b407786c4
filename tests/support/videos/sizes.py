"""Videos whose frames change their size on the way."""

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from tests.support.videos.formats import fair_turn

RATE = 25
# What every frame shows, whatever its size: a colour in each quarter, first the upper ones.
QUARTERS = ((180, 60, 60), (60, 180, 60), (60, 60, 180), (150, 150, 150))


def scene(size: tuple[int, int]) -> NDArray[np.uint8]:
    """The quarters, uint8 (H, W, 3), of a size (width, height)."""
    columns, rows = (np.arange(edge) * 2 // edge for edge in size)
    picture: NDArray[np.uint8] = np.array(QUARTERS, np.uint8)[rows[:, None] * 2 + columns]
    return picture


@fair_turn()
def changing(container: str, codec: str, sizes: Sequence[tuple[int, int]], each: int = 6) -> bytes:
    """A video with so many frames of each size (width, height) after the other; each begins with a keyframe."""
    sink = io.BytesIO()
    with av.open(sink, "w", format=container) as writer:
        stream: Any = writer.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *sizes[0], "yuv420p"
        for number, size in enumerate(sizes):
            for packet in _packets(codec, size, each, number * each):
                packet.stream = stream
                writer.mux(packet)
    content = sink.getvalue()
    with av.open(io.BytesIO(content), "r") as reader:
        found = [(frame.width, frame.height) for frame in reader.decode(video=0)]
    assert found == [size for size in sizes for _ in range(each)]
    return content


def _packets(codec: str, size: tuple[int, int], count: int, first: int) -> "list[av.Packet[Any]]":
    options = {
        "libx264": {"preset": "veryfast", "bf": "0"},
        "libx265": {"preset": "ultrafast", "x265-params": "bframes=0"},
    }
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, RATE), Fraction(RATE)
    encoder.options = options.get(codec, {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"})
    encoder.bit_rate = 1_000_000
    packets: list[av.Packet[Any]] = []
    for number in range(first, first + count):
        frame = VideoFrame.from_ndarray(scene(size), "rgb24")
        frame.pts, frame.time_base = number, encoder.time_base
        packets += encoder.encode(frame)
    return [*packets, *encoder.encode()]
