"""Clips of coloured spots that move before a grey picture, and an engine that finds exactly these."""

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.tensors import Image, Outputs
from tests.support.models.fake_engine import FakeEngine

Pixels = NDArray[np.uint8]
SIDE = 24  # of a spot, in pixels


@dataclass(frozen=True)
class Spot:
    """A square that moves evenly from one corner (x, y) to another while it is there: frames first to last.

    colour: 0, 1, 2 for red, green, blue.
    """

    colour: int
    first: int
    last: int
    start: tuple[int, int]
    stop: tuple[int, int]

    def corner(self, number: int) -> tuple[int, int]:
        share = (number - self.first) / max(self.last - self.first, 1)
        x, y = (round(a + (b - a) * share) for a, b in zip(self.start, self.stop, strict=True))
        return x, y


def pictures(
    spots: Sequence[Spot], frames: int, size: tuple[int, int] = (160, 96), cuts: Collection[int] = ()
) -> Iterator[Pixels]:
    """The frames, uint8 (H, W, 3) RGB. cuts: numbers of the frames before which the background changes."""
    width, height = size
    shot = 0
    y, x = np.mgrid[:height, :width]
    for number in range(frames):
        shot += number in cuts
        grey = 70 + ((x * (3 + shot) // 40 + y // 30) % 2) * 20 + 60 * (shot % 2)
        picture = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
        for spot in spots:
            if spot.first <= number <= spot.last:
                left, top = spot.corner(number)
                picture[max(top, 0) : top + SIDE, max(left, 0) : left + SIDE] = [
                    255 if channel == spot.colour else 20 for channel in range(3)
                ]
        yield picture


class SpotFinder(FakeEngine):
    """Finds the spot of each colour in a BGR image, of whatever size; its class is the colour.

    looked: how many images it was given. in_flight: how many it has in progress before it gives the first.
    """

    def __init__(self, in_flight: int = 3) -> None:
        super().__init__()
        self.looked = 0
        self._in_flight = in_flight

    def infer(self, images: Iterable[Image], *, masks: bool = False) -> Generator[Outputs, None, None]:
        waiting: list[Outputs] = []
        for image in images:
            self.looked += 1
            waiting.append(found_in(image))
            if len(waiting) > self._in_flight:
                yield waiting.pop(0)
        yield from waiting


def found_in(image: Image) -> Outputs:
    """Boxes of the spots. The score says something of the picture, so that equal ones are no accident."""
    rgb = image[..., ::-1].astype(np.int16)
    boxes, scores, labels = [], [], []
    for colour in range(3):
        others = rgb[..., [channel for channel in range(3) if channel != colour]].max(axis=2)
        rows, columns = np.nonzero((rgb[..., colour] > 150) & (others < 110))
        if len(rows) >= 9:
            boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            scores.append(0.6 + (int(rgb[rows, columns].sum()) % 1000) / 5000)
            labels.append(colour)
    return {
        "boxes": np.array(boxes, np.float32).reshape(-1, 4),
        "scores": np.array(scores, np.float32),
        "labels": np.array(labels, np.float32),
    }
