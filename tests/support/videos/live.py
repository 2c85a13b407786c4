"""Clips in the forms in which cameras send them."""

import io
from typing import Any

import av
import numpy as np

from tests.support.videos.clips import Clip, clip


def sliced(content: bytes, count: int) -> list[bytes]:
    """So many pieces of about the same length."""
    size = -(-len(content) // count)
    return [content[at : at + size] for at in range(0, len(content), size)]


def fragmented(made: Clip) -> bytes:
    """A clip as an mp4 of one fragment per frame."""
    sink = io.BytesIO()
    options = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}
    with av.open(made.source(), "r") as source, av.open(sink, "w", format="mp4", options=options) as target:
        video = source.streams.video[0]
        stream = target.add_stream_from_template(video)
        for packet in source.demux(video):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    return sink.getvalue()


def visits(away: int, there: int, size: tuple[int, int] = (160, 96)) -> Clip:
    """Nobody for some frames, then a blue square, which the tiny model takes for its first label: for a camera that
    shows this over and over, a visitor each time."""
    nobody = np.zeros((size[1], size[0], 3), np.uint8)
    visitor = nobody.copy()
    visitor[24:72, 56:104, 2] = 255
    return clip(b_frames=0, size=size, images=[nobody] * away + [visitor] * there)


def jpegs(frames: int, size: tuple[int, int] = (160, 96)) -> list[bytes]:
    """Pictures, each another one."""
    made = clip("avi", "mjpeg", frames=frames, every=1, b_frames=0, size=size)
    with av.open(made.source(), "r") as source:
        found: list[Any] = [packet for packet in source.demux(video=0) if packet.size]
        return [bytes(packet) for packet in found]


def multipart(pictures: list[bytes], boundary: str = "frame") -> list[bytes]:
    """The parts of an answer of the type multipart/x-mixed-replace."""
    head = f"--{boundary}\r\nContent-Type: image/jpeg\r\nContent-Length: "
    return [f"{head}{len(one)}\r\n\r\n".encode() + one + b"\r\n" for one in pictures]
