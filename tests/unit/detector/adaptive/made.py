"""Looks at made pictures, and a run of a chooser over them."""

from collections.abc import Callable, Sequence

import numpy as np

from analytics.boxes import Boxes
from detector.adaptive.chooser import Chooser
from detector.adaptive.cuts import Look
from detector.adaptive.modes import MODES
from detector.decode.thumbnails import HEIGHT, WIDTH, Thumbnail
from tests.unit.analytics.made import boxes

RATE = 10
SIZE = (640, 480)
NOTHING = boxes()


def plain(level: int = 100) -> Thumbnail:
    return np.full((HEIGHT, WIDTH), level, np.uint8)


def spot(column: int, level: int = 200, row: int = 20) -> Thumbnail:
    """A plain picture with a bright square."""
    picture = plain()
    picture[row : row + 8, column : column + 8] = level
    return picture


def noise(seed: int) -> Thumbnail:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH), np.uint8)


def look(place: int, time: int, thumbnail: Thumbnail, difference: int = 0) -> Look:
    return Look(place, time, thumbnail, difference, place == 0)


def chosen(
    pictures: Sequence[Thumbnail],
    found: Callable[[int], Boxes] = lambda place: NOTHING,
    mode: str = "balanced",
    times: Sequence[int] | None = None,
    held_back: int = 0,
) -> Chooser:
    """A chooser that was shown all pictures and told what is found in the frames that it wants.

    times: in units of 1/RATE s. held_back: how many wanted frames are in progress before the first is told.
    """
    chooser = Chooser(MODES[mode], (1, RATE))  # type: ignore[index]
    waiting: list[int] = []

    def answer(most: int) -> None:
        while (place := chooser.next_wanted()) is not None:
            waiting.append(place)
        while len(waiting) > most:
            place = waiting.pop(0)
            chooser.detected(place, found(place))
            while (more := chooser.next_wanted()) is not None:
                waiting.append(more)

    for place, picture in enumerate(pictures):
        chooser.see(place, times[place] if times else place, picture, SIZE)
        answer(held_back)
    chooser.end()
    answer(0)
    assert chooser.is_settled
    return chooser


def places(chooser: Chooser) -> list[int]:
    return sorted(chooser.found)
