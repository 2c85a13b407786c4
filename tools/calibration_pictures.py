"""Pictures to calibrate a quantised model with, made of photographs that scikit-image ships, CC0 or public domain.

The photographs of `HELD_BACK` are left out: clips of them show how far a quantised model agrees with the original on
what it was not calibrated with.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter
from skimage import data

Pixels = NDArray[np.uint8]  # [height, width, 3], RGB

THINGS = ("astronaut", "coffee", "rocket", "motorcycle", "clock")
GROUNDS = ("brick", "gravel", "coins", "moon", "page", "retina", "hubble_deep_field", "immunohistochemistry")
HELD_BACK = ("chelsea", "camera", "horse", "grass")
SIZE = (640, 480)
_SEED = 416
# Of the frame's height.
_SMALLEST, _LARGEST = 0.25, 1.6
_MOST_THINGS = 4


def pictures(count: int) -> Iterator[Pixels]:
    """So many pictures [480, 640, 3], always the same ones: photographs over another, moved, scaled, mirrored, and
    in other light, sharpness and noise."""
    draw = np.random.default_rng(_SEED)
    things, grounds = [_photo(name) for name in THINGS], [_photo(name) for name in (*THINGS, *GROUNDS)]
    for _ in range(count):
        frame = _ground(draw, grounds[draw.integers(len(grounds))])
        for _ in range(draw.integers(1, _MOST_THINGS + 1)):
            _paste(draw, frame, things[draw.integers(len(things))])
        yield _exposed(draw, frame)


def _photo(name: str) -> Image.Image:
    pixels = data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()
    return Image.fromarray(pixels).convert("RGB")


def _ground(draw: np.random.Generator, photo: Image.Image) -> Image.Image:
    """A part of a photograph that fills the frame."""
    width, height = photo.size
    share = draw.uniform(0.4, 1)
    left, top = draw.uniform(0, width * (1 - share)), draw.uniform(0, height * (1 - share))
    box = (left, top, left + width * share, top + height * share)
    return photo.resize(SIZE, Image.Resampling.BILINEAR, box)


def _paste(draw: np.random.Generator, frame: Image.Image, photo: Image.Image) -> None:
    """Lay a photograph over the frame, at least half of it inside."""
    height = round(SIZE[1] * float(np.exp(draw.uniform(np.log(_SMALLEST), np.log(_LARGEST)))))
    width = round(photo.width * height / photo.height * draw.uniform(0.8, 1.25))
    scaled = photo.resize((width, height), Image.Resampling.BICUBIC)
    if draw.random() < 0.5:
        scaled = scaled.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    at = (int(draw.integers(SIZE[0])) - width // 2, int(draw.integers(SIZE[1])) - height // 2)
    frame.paste(scaled, at)


def _exposed(draw: np.random.Generator, frame: Image.Image) -> Pixels:
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        frame = enhance(frame).enhance(float(draw.uniform(0.5, 1.4)))
    frame = frame.filter(ImageFilter.GaussianBlur(float(draw.choice([0, 0, 0.7, 1.5]))))
    noise = draw.normal(0, float(draw.choice([0, 0, 3, 8])), (SIZE[1], SIZE[0], 3))
    return np.clip(np.asarray(frame) + noise, 0, 255).astype(np.uint8)
