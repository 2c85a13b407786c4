"""Longer clips out of the sample, for jobs that take a while."""

from fractions import Fraction
from pathlib import Path

import av


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
