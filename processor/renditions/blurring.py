"""A copy of a video in which what a job found is hidden. Runs in the sandbox."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.errors import VideoRefused
from contracts.results.result_file import ResultFile
from contracts.results.tracks_file import TracksFile
from processor.renditions.annotations import covered
from processor.renditions.copies import copied
from processor.renditions.crops import Box
from processor.renditions.encoder import Target
from processor.renditions.hiding import Hiding
from processor.renditions.inputs import Inputs, Tell
from processor.renditions.picture import Picture, Plane
from processor.renditions.protocol import Report, Request

# What is left of a hidden part: at most so many averages across and down, of at least so many pixels each, in so coarse
# steps of 256. A blur alone could be computed back, and averages alone tell more the more frames there are to compare.
_CELLS = 4
_LEAST_PIXELS = 16
_STEP = 16
_BRIGHTEST = 235
# Of each average: the nearest step, of which one is grey, up to the brightest that there is; and a half, since what is
# behind the point is cut off in the end.
_COARSE = (np.minimum((np.arange(256) + _STEP // 2) // _STEP * _STEP, _BRIGHTEST) + 0.5).astype(np.float32)


class Weights(NamedTuple):
    """How pixels and cells of a side go together, [cells, pixels] each. average: what a pixel counts in the average of
    a cell. gradient: what a cell counts at a pixel: from the middle of one to that of the next, level beyond."""

    average: NDArray[np.float32]
    gradient: NDArray[np.float32]


def make(request: Request, target: Target, inputs: Inputs, tell: Tell) -> Report:
    """A copy with the frames of the job, in which its detections of the chosen labels are hidden."""
    if inputs.results is None or inputs.tracks is None:
        raise VideoRefused("the job has no results with tracks")
    result, media = ResultFile(inputs.results), request.media
    hiding = Hiding(result, TracksFile(inputs.tracks), request.options.labels)
    unseen = list(outside(result.header.plan.options.region, media.width, media.height))

    def overlay(picture: Picture, number: int) -> None:
        across, down = picture.size[0] / media.width, picture.size[1] / media.height
        boxes = hiding.at(number)
        if boxes is None:
            hide(picture, (0, 0, *picture.size))
            return
        for x1, y1, x2, y2 in (*boxes.tolist(), *unseen):
            hide(picture, (x1 * across, y1 * down, x2 * across, y2 * down))

    return copied(request, target, inputs, tell, covered(result, inputs.index), overlay)


def outside(region: Box | None, width: int, height: int) -> Iterator[Box]:
    """Boxes in pixels around a region (parts of the frame's width and height): where a job did not look."""
    if region is None:
        return
    left, top, right, bottom = region[0] * width, region[1] * height, region[2] * width, region[3] * height
    for box in ((0, 0, width, top), (0, bottom, width, height), (0, top, left, bottom), (right, top, width, bottom)):
        if box[0] < box[2] and box[1] < box[3]:
            yield box


def hide(picture: Picture, box: Box) -> None:
    """Hide what is in a box of a picture, in its pixels: averages of large cells, in coarse steps, drawn as a gradient
    from one to the next."""
    width, height = picture.size
    # Whole pixels of the planes of colour, of which one covers two.
    left, top = (max(0, int(np.floor(value / 2)) * 2) for value in box[:2])
    right, bottom = min(width, int(np.ceil(box[2] / 2)) * 2), min(height, int(np.ceil(box[3] / 2)) * 2)
    if left >= right or top >= bottom:
        return
    cells = _cells(right - left, bottom - top)
    _coarse(picture.y[top:bottom, left:right], cells)
    for plane in (picture.u, picture.v):
        _coarse(plane[top // 2 : bottom // 2, left // 2 : right // 2], cells)


def _cells(width: int, height: int) -> tuple[int, int]:
    """How many cells there are across and down."""
    size = max(_LEAST_PIXELS, max(width, height) / _CELLS)
    return max(1, int(width / size)), max(1, int(height / size))


def _coarse(part: Plane, cells: tuple[int, int]) -> None:
    down, across = _weights(cells[1], part.shape[0]), _weights(cells[0], part.shape[1])
    averages = np.rint(down.average @ part.astype(np.float32) @ across.average.T)
    coarse = _COARSE[averages.astype(np.uint8)]
    np.copyto(part, down.gradient.T @ (coarse @ across.gradient), casting="unsafe")


@lru_cache(maxsize=512)
def _weights(cells: int, length: int) -> Weights:
    """Those of a side of so many cells and pixels."""
    size, pixels, numbers = length / cells, np.arange(length), np.arange(cells)[:, None]
    covered = np.minimum(pixels + 1, (numbers + 1) * size) - np.maximum(pixels, numbers * size)
    places = np.minimum(np.maximum((pixels + 0.5) / size - 0.5, 0), cells - 1)  # 0 is the middle of the first cell
    near = 1 - np.abs(places - numbers)
    return Weights(*(np.maximum(weights, 0).astype(np.float32) for weights in (covered / size, near)))
