"""Small pictures of the brightness of frames, by which they are compared."""

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

# uint8 (H, W): each cell is the mean brightness of its part of the frame.
Thumbnail = NDArray[np.uint8]

WIDTH, HEIGHT = 96, 72
CELLS = WIDTH * HEIGHT


class Thumbnails:
    """Makes thumbnails of frames of one stream, of any size and colours."""

    def __init__(self) -> None:
        self._scale = VideoReformatter()  # kept, since it holds scaling tables

    def __call__(self, frame: VideoFrame) -> bytes:
        """The CELLS of a frame, row by row. (Its colours need not be those that players show.)"""
        grey = self._scale.reformat(frame, WIDTH, HEIGHT, "gray", interpolation="AREA", threads=1)
        return grey.to_ndarray().tobytes()


def is_one(data: bytes) -> bool:
    """Whether these are the cells of a thumbnail: a decoder may say anything."""
    return len(data) == CELLS


def read(data: bytes) -> Thumbnail:
    """The thumbnail with these cells."""
    return np.frombuffer(data, np.uint8).reshape(HEIGHT, WIDTH)
