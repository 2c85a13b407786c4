"""Clips with recognised things whose motion is known: cut out of the sample clip by its truth file, and moved.

Each clip is a kind of footage: a street of a fixed camera, a still scene with rare events, a camera in a hand, cuts; or
one in which nothing is alike from frame to frame: moving noise, a cut at every frame.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.clip import SAMPLE

Pixels = NDArray[np.uint8]  # (H, W, 3), RGB
WIDTH, HEIGHT = 640, 360
_GRASS = 85  # a frame of the sample without an object
_ENCODER = {"preset": "veryfast", "crf": "23"}
# Scenes of the sample's labelled ones, with a height in pixels at which the bundled model is sure of them.
_PEOPLE = (0, 3)
_THINGS = ((0, 170), (3, 180), (4, 260), (3, 130), (0, 240))
_EDGE = 8  # pixels of a cut-out that fade into the background


@dataclass(frozen=True)
class Mover:
    """A thing that moves: its scene in the sample, its height in pixels, its centre at first, how far it moves in a
    second, and when it is there."""

    scene: int
    height: int
    x: float
    y: float
    dx: float
    dy: float = 0.0
    start: float = 0.0
    stop: float = 1e9


def street(rate: int, seconds: float) -> Iterator[Pixels]:
    """A fixed camera: things of several sizes that come, overtake and hide each other, and go, in three lanes."""
    rng = np.random.default_rng(5)
    movers = []
    for y, height, way in ((60, 90, 1), (165, 130, -1), (280, 170, 1)):
        start = -8.0
        while start < seconds:
            x = -height / 2 if way > 0 else WIDTH + height / 2
            speed = float(rng.uniform(0.35, 0.55)) * height * way
            movers.append(Mover(int(rng.choice(_PEOPLE)), height, x, y, speed, 0, start, start + 30))
            start += float(rng.uniform(3, 8))
    noise = np.random.default_rng(6)
    for number in range(int(rate * seconds)):
        yield _noisy(_scene(_background(0), movers, number / rate), noise, 2)


def still(rate: int, seconds: float) -> Iterator[Pixels]:
    """A fixed camera that sees light and clouds change, and somebody for 20 s of each 100 s."""
    noise = np.random.default_rng(7)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    movers = [Mover(3, 130, 470, 210, 0)]
    for event in range(int(seconds / 100) + 1):
        begin = 40 + 100 * event
        movers += [
            Mover(0, 170, -80, 200, 75, 0, begin, begin + 12),
            Mover(3, 90, WIDTH + 40, 300, -60, 0, begin + 8, begin + 20),
        ]
    for number in range(int(rate * seconds)):
        time = number / rate
        picture = _scene(_background(1), movers, time).astype(np.float32)
        picture *= 1 + 0.08 * np.sin(time / 40)
        cloud = 1 - 0.12 * np.exp(-(((x - (time * 9) % 1400 + 300) / 260) ** 2) - ((y - 120) / 200) ** 2)
        yield _noisy(picture * cloud[..., None], noise, 3)


def hand(rate: int, seconds: float) -> Iterator[Pixels]:
    """A camera in a hand that wanders over a wide picture of things, not quite steadily."""
    wide = _tiled(1400, 700, 2)
    movers = [
        Mover(scene, height, 200 + 260 * number, 300 + 60 * (number % 2), 0)
        for number, (scene, height) in enumerate(_THINGS)
    ]
    wide = _scene(wide, movers, 0)
    rng = np.random.default_rng(8)
    shake = np.cumsum(rng.normal(0, 1, (int(rate * seconds) + 1, 2)), axis=0) * 0.5
    shake -= np.linspace(0, 1, len(shake))[:, None] * shake[-1]
    for number in range(int(rate * seconds)):
        time = number / rate
        left = 370 + 340 * np.sin(time / 5) + shake[number, 0]
        top = 150 + 60 * np.sin(time / 3) + shake[number, 1]
        corner = [int(np.clip(at, 0, most)) for at, most in ((left, 1400 - WIDTH), (top, 700 - HEIGHT))]
        yield _noisy(wide[corner[1] : corner[1] + HEIGHT, corner[0] : corner[0] + WIDTH], rng, 2)


def cuts(rate: int, seconds: float) -> Iterator[Pixels]:
    """A film: shots of 1 to 4 s, each of another thing, large or small, before another background."""
    rng = np.random.default_rng(9)
    number = 0
    while number < rate * seconds:
        length = int(rate * rng.uniform(1, 4))
        scene, height = _THINGS[int(rng.integers(len(_THINGS)))]
        mover = Mover(scene, height, float(rng.uniform(200, 440)), 180, float(rng.uniform(-40, 40)))
        background = _tiled(WIDTH, HEIGHT, int(rng.integers(3, 40)))
        for frame in range(min(length, int(rate * seconds) - number)):
            yield _noisy(_scene(background, [mover], frame / rate), rng, 2)
            number += 1


def noise(rate: int, seconds: float) -> Iterator[Pixels]:
    """Coarse noise that moves all over the picture, and nothing else."""
    rng = np.random.default_rng(10)
    for _ in range(int(rate * seconds)):
        yield rng.integers(0, 256, (HEIGHT // 2, WIDTH // 2, 3), np.uint8).repeat(2, axis=0).repeat(2, axis=1)


def flashes(rate: int, seconds: float) -> Iterator[Pixels]:
    """A cut at every frame."""
    rng = np.random.default_rng(11)
    for _ in range(int(rate * seconds)):
        yield rng.integers(0, 256, (HEIGHT // 40, WIDTH // 40, 3), np.uint8).repeat(40, axis=0).repeat(40, axis=1)


def encode(path: Path, pictures: Iterator[Pixels], rate: int) -> Path:
    """An H.264 clip of pictures in MP4, about as a camera makes it."""
    with av.open(str(path), "w") as writer:
        stream: Any = writer.add_stream("libx264", rate=rate, options=_ENCODER | {"g": str(2 * rate)})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
    return path


SCENES: dict[str, Callable[[int, float], Iterator[Pixels]]] = {
    "street": street,
    "still": still,
    "hand": hand,
    "cuts": cuts,
    "noise": noise,
    "flashes": flashes,
}


@cache
def _cut_out(scene: int, height: int) -> tuple[Pixels, NDArray[np.float32]]:
    """A thing of the sample with what is close to it, scaled, and how opaque each pixel is, (H, W, 1)."""
    scenes = [each for each in json.loads(SAMPLE.with_suffix(".json").read_text())["scenes"] if each["label"]]
    chosen = scenes[scene]
    x1, y1, x2, y2 = (int(side) for side in chosen["boxes"][0])
    part = Image.fromarray(_frames()[chosen["first_frame"]][y1:y2, x1:x2])
    width = max(1, round(height * (x2 - x1) / (y2 - y1)))
    pixels = np.asarray(part.resize((width, height), Image.Resampling.LANCZOS))
    rows, columns = (np.minimum(np.arange(side), np.arange(side)[::-1]) for side in (height, width))
    alpha = np.clip(np.minimum(rows[:, None], columns) / _EDGE, 0, 1)[..., None].astype(np.float32)
    return pixels, alpha


@cache
def _frames() -> list[Pixels]:
    with av.open(str(SAMPLE)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


@cache
def _background(seed: int) -> Pixels:
    return _tiled(WIDTH, HEIGHT, seed)


def _tiled(width: int, height: int, seed: int) -> Pixels:
    """Grey, with blurred grass, tinted in its own way for each seed: nothing that is taken for a thing."""
    rng = np.random.default_rng(seed)
    blurred = Image.fromarray(_frames()[_GRASS]).resize((16, 9), Image.Resampling.BOX)
    grass = np.asarray(blurred.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    light = rng.uniform(90, 165) + 0.8 * (grass - grass.mean()) * rng.uniform(0.6, 1.2, 3)
    picture: Pixels = np.clip(light, 0, 255).astype(np.uint8)
    return picture


def _scene(background: Pixels, movers: list[Mover], time: float) -> Pixels:
    picture = background.copy()
    for mover in sorted(movers, key=lambda each: each.y + each.height / 2):
        if mover.start <= time < mover.stop:
            since = time - mover.start if mover.start > -1e8 else time
            _paste(picture, mover, mover.x + mover.dx * since, mover.y + mover.dy * since)
    return picture


def _paste(picture: Pixels, mover: Mover, x: float, y: float) -> None:
    pixels, alpha = _cut_out(mover.scene, mover.height)
    height, width = pixels.shape[:2]
    left, top = round(x - width / 2), round(y - height / 2)
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + width, picture.shape[1]), min(top + height, picture.shape[0])
    if x1 < x2 and y1 < y2:
        part = (slice(y1 - top, y2 - top), slice(x1 - left, x2 - left))
        place = (slice(y1, y2), slice(x1, x2))
        mixed = picture[place] * (1 - alpha[part]) + pixels[part] * alpha[part]
        picture[place] = mixed.astype(np.uint8)


def _noisy(picture: NDArray[Any], rng: np.random.Generator, sigma: float) -> Pixels:
    noise = rng.standard_normal((HEIGHT, WIDTH, 1), np.float32) * sigma
    noisy: Pixels = np.clip(picture + noise, 0, 255).astype(np.uint8)
    return noisy
