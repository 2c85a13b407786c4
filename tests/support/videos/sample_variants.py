"""Other clips out of the sample: longer ones, and of other kinds."""

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


def repeated(source: Path, target: Path, times: int) -> Path:
    """The clip shown several times over, with a keyframe every 12 frames."""
    with av.open(str(source)) as reader:
        frames = list(reader.decode(video=0))
    with av.open(str(target), "w") as writer:
        stream = writer.add_stream("libx264", rate=25, options={"g": "12", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        for number in range(times * len(frames)):
            frame = frames[number % len(frames)]
            frame.pts, frame.time_base = number, Fraction(1, 25)
            frame.pict_type = av.video.frame.PictureType.NONE  # else the encoder repeats the source's types
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
    return target


def recoded(source: Path, target: Path, codec: str, times: Sequence[int], clockwise: int = 0) -> Path:
    """The first frames of a clip at times in 1/25 s, in the container that the target is named after.

    clockwise: stored turned the other way, with a note for players to turn them so many degrees (0, 90, 180, 270).
    """
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        shown = reader.streams.video[0]
        size = (shown.width, shown.height)
        stream: Any = writer.add_stream(codec, rate=25, options={"g": "12"})
        stream.width, stream.height = size[::-1] if clockwise % 180 else size
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        if clockwise:
            stream.set_display_rotation(-clockwise)
        for time, frame in zip(times, reader.decode(video=0), strict=False):
            image = np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), clockwise // 90), np.uint8)
            turned = av.VideoFrame.from_ndarray(image, format="rgb24")
            turned.pts, turned.time_base = time, Fraction(1, 25)
            writer.mux(stream.encode(turned))
        writer.mux(stream.encode())
    return target


def subtitled(source: Path, target: Path) -> Path:
    """The same frames beside a track of subtitles, as films have."""
    lines = io.BytesIO(b"1\n00:00:00,000 --> 00:00:02,000\nA thing\n\n2\n00:00:02,000 --> 00:00:04,000\nAnother\n")
    with av.open(str(source)) as reader, av.open(lines, format="srt") as text, av.open(str(target), "w") as writer:
        kept: list[tuple[Any, Any]] = [(one, writer.add_stream_from_template(one.streams[0])) for one in (reader, text)]
        for container, stream in kept:
            for packet in container.demux(container.streams[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    writer.mux(packet)
    return target


def still(source: Path, target: Path, frames: int) -> Path:
    """The first frame of a clip, small, for so long: next to no bytes, and as much work for the detector as any."""
    with av.open(str(source)) as reader:
        image = next(reader.decode(video=0)).reformat(160, 120, "yuv420p").to_ndarray()
    with av.open(str(target), "w") as writer:
        stream = writer.add_stream("libx264", rate=25, options={"g": "50", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(image, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
    return target
