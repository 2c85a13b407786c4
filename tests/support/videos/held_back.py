"""Frames that no model was calibrated with: of photographs that tools/calibration_pictures.py leaves out, and of the
sample clip."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import av
import numpy as np
from PIL import Image
from skimage import data

from tests.support.deployments.service import ROOT
from tools.calibration_pictures import HELD_BACK, Pixels

SIZE = (640, 360)
_RATE = 10


@dataclass(frozen=True)
class _Passer:
    """A photograph that crosses the street. height: of the frame's. y: of its feet. at, speed: of its centre, in widths
    of the frame, and a second."""

    photo: str
    height: float
    y: float
    at: float
    speed: float


_PASSERS = (
    _Passer("horse", 0.5, 0.75, 0.1, 0.11),
    _Passer("camera", 0.75, 0.95, 0.9, -0.13),
    _Passer("chelsea", 0.6, 1.0, 0.3, 0.07),
)


def street() -> Iterator[Pixels]:
    """Photographs that cross a meadow, at 10 frames a second, without an end."""
    meadow = _photo("grass").resize(SIZE)
    number = 0
    while True:
        frame = meadow.copy()
        for passer in _PASSERS:
            photo = _photo(passer.photo)
            height = round(passer.height * SIZE[1])
            width = round(photo.width * height / photo.height)
            centre = (passer.at + passer.speed * number / _RATE) % 1.4 - 0.2
            frame.paste(
                photo.resize((width, height)),
                (round(centre * SIZE[0]) - width // 2, round(passer.y * SIZE[1]) - height),
            )
        yield np.asarray(frame)
        number += 1


def hand_held() -> Iterator[Pixels]:
    """A look around on a wall of the photographs, shaky, nearer and farther, without an end."""
    wall = Image.new("RGB", (1200, 900), (96, 104, 112))
    for place, name in enumerate(("chelsea", "camera", "horse", "grass")):
        wall.paste(_photo(name).resize((560, 410)), (20 + 600 * (place % 2), 20 + 450 * (place // 2)))
    draw = np.random.default_rng(7)
    number = 0
    while True:
        angle = number / 17
        x, y = 600 + 280 * np.cos(angle) + draw.normal(0, 3), 450 + 190 * np.sin(1.3 * angle) + draw.normal(0, 3)
        half = 330 + 90 * np.sin(0.7 * angle)
        box = (x - half, y - half * SIZE[1] / SIZE[0], x + half, y + half * SIZE[1] / SIZE[0])
        yield np.asarray(wall.resize(SIZE, Image.Resampling.BILINEAR, tuple(np.clip(box, 0, (1200, 900, 1200, 900)))))
        number += 1


def film(every: int) -> Iterator[Pixels]:
    """Every so manieth frame of the sample clip."""
    with av.open(str(ROOT / "samples/things.mp4")) as container:
        for frame in islice(container.decode(video=0), 0, None, every):
            yield frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def _photo(name: str) -> Image.Image:
    assert name in HELD_BACK
    pixels = getattr(data, name)()
    return Image.fromarray(pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels).convert("RGB")


# A fixed camera on a street, a hand-held one, and a film with cuts; each for a number of frames.
_CLIPS: dict[str, Callable[[int], Iterator[Pixels]]] = {
    "street": lambda _: street(),
    "hand-held": lambda _: hand_held(),
    "film": lambda frames: film(212 // frames),
}
CLIPS = tuple(_CLIPS)


def clip(name: str, frames: int) -> list[Pixels]:
    """So many frames of one of CLIPS, RGB."""
    return list(islice(_CLIPS[name](frames), frames))
