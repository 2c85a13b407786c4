"""Videos of any length for benchmarks: a minute is encoded, and repeated without encoding it again."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame

from benchmarks.report import ROOT

SAMPLE = ROOT / "samples" / "things.mp4"
RATE, GROUP = 25, 48  # frames a second, and frames from keyframe to keyframe


def encode(path: Path, frames: int, size: tuple[int, int] = (320, 180), group: int = GROUP, rate: int = RATE) -> Path:
    """An H.264 clip in MP4 of a pattern that wanders over noise that stays. size: (width, height)."""
    width, height = size
    noise = np.random.default_rng(7).integers(0, 12, (height, width + frames % 97 + 97, 3), dtype=np.uint8)
    fixed = f"keyint={group}:min-keyint={group}:scenecut=0:bframes=2:b-adapt=0:open-gop=0"
    with av.open(str(path), "w") as writer:
        stream: Any = writer.add_stream("libx264", rate=rate, options={"preset": "superfast", "x264-params": fixed})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            at = number % 97
            image = np.ascontiguousarray(noise[:, at : at + width])
            image[height // 3 : height // 2, (3 * number) % (width // 2) :][:, : width // 4] += 120
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
    return path


def repeat(source: Path, path: Path, times: int) -> Path:
    """The clip so many times in a row, packet by packet."""
    with av.open(str(path), "w") as writer:
        stream: Any = None
        shift = 0
        for _ in range(times):
            with av.open(str(source)) as reader:
                origin = reader.streams.video[0]
                if stream is None:
                    stream = writer.add_stream_from_template(origin)
                length = int(Fraction(origin.frames, RATE) / (origin.time_base or Fraction(1, RATE)))
                for packet in reader.demux(origin):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    writer.mux(packet)
            shift += length
    return path


def count(path: Path) -> int:
    """How many frames the container lists."""
    with av.open(str(path)) as reader:
        return sum(1 for packet in reader.demux(video=0) if packet.size)


def things(path: Path, frames: int, size: tuple[int, int]) -> Path:
    """The sample clip again and again, to so many frames of that size (width, height), as H.264 in MP4."""
    options = {"preset": "veryfast", "x264-params": f"keyint={GROUP}:min-keyint={GROUP}:scenecut=0"}
    with av.open(str(path), "w") as writer:
        stream: Any = writer.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number, frame in enumerate(islice(_endless(SAMPLE), frames)):
            scaled = frame.reformat(*size, "yuv420p")
            scaled.pts, scaled.time_base, scaled.pict_type = number, Fraction(1, RATE), PictureType.NONE
            writer.mux(stream.encode(scaled))
        writer.mux(stream.encode())
    return path


def camera(path: Path, fps: int, size: tuple[int, int] = (640, 480), seconds: float = 10) -> Path:
    """What a camera sends of the sample's things: no frame out of order, a keyframe every two seconds."""
    options = {"preset": "superfast", "tune": "zerolatency", "x264-params": f"keyint={2 * fps}"}
    with av.open(str(path), "w") as writer:
        stream: Any = writer.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        skipped = max(1, round(RATE / fps))
        for number, frame in enumerate(islice(_endless(SAMPLE), 0, round(seconds * fps) * skipped, skipped)):
            shown = frame.reformat(*size, "yuv420p")
            shown.pts, shown.time_base, shown.pict_type = number, Fraction(1, fps), PictureType.NONE
            writer.mux(stream.encode(shown))
        writer.mux(stream.encode())
    return path


def _endless(path: Path) -> Iterator[VideoFrame]:
    while True:
        with av.open(str(path)) as reader:
            yield from reader.decode(video=0)
