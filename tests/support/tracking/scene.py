"""A street that is made up: objects that cross, hide each other and turn, and what a detector would find of them.

Only `Generator.random` of NumPy is used, whose numbers are the same for ever: figures of other trackers on the same
boxes are recorded in tests.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.results.codec import Block

WIDTH, HEIGHT = 1920, 1080
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """block: what was found. times_us [f]. truth [t, 6]: frame, object (from 1 on), x1, y1, x2, y2 in pixels."""

    block: Block
    times_us: NDArray[np.int64]
    truth: Floats


def street(objects: int, frames: int, *, fps: float = 25, seed: int = 1, clutter: float = 0.3) -> Scene:
    """A scene with about so many objects at a time. clutter: false detections per frame."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    ways = _ways(objects, frames / fps, rng)
    for frame in range(frames):
        boxes = {number: box for number, way in enumerate(ways, start=1) if (box := way.box(frame / fps)) is not None}
        visible = _visible(boxes)
        truth += [(frame, number, *box) for number, box in boxes.items() if visible[number] > 0.1]
        rows = [
            row
            for number, box in boxes.items()
            if (row := _detected(box, visible[number], ways[number - 1].label, rng))
        ]
        rows += [_clutter(rng) for _ in range(2) if rng.random() < clutter / 2]
        found.append(sorted(rows, key=lambda row: -row[1]))
    return Scene(_block(found, fps), (np.arange(frames) * 1e6 / fps).astype(np.int64), np.array(truth, np.float64))


@dataclass(frozen=True, slots=True)
class _Way:
    """From start to end in seconds: centre and velocity in pixels, a sideways swing, and size."""

    start: float
    end: float
    x: float
    y: float
    velocity_x: float
    velocity_y: float
    swing: float
    width: float
    height: float
    label: int

    def box(self, at: float) -> tuple[float, float, float, float] | None:
        """The box at a time, None where the object is not (mostly) in the picture."""
        since = at - self.start
        if not 0 <= since <= self.end - self.start:
            return None
        x = self.x + self.velocity_x * since
        y = self.y + self.velocity_y * since + self.swing * since * (self.end - at)
        if not (0 < x < WIDTH and 0 < y < HEIGHT):
            return None
        half_x, half_y = self.width / 2, self.height / 2
        return max(x - half_x, 0), max(y - half_y, 0), min(x + half_x, WIDTH), min(y + half_y, HEIGHT)


def _ways(objects: int, seconds: float, rng: np.random.Generator) -> list[_Way]:
    ways = []
    life = 8.0
    for _ in range(round(objects * (seconds + life) / life)):
        start = rng.random() * (seconds + life) - life
        label = int(rng.random() < 0.4)
        height = 60 + 160 * rng.random()
        width = height * (1.8 if label else 0.45)
        velocity = (60 + 120 * rng.random()) * (2 if label else 1) * (1 if rng.random() < 0.5 else -1)
        y = HEIGHT * (0.25 + 0.6 * rng.random())
        x = WIDTH * rng.random() - velocity * life / 2 * rng.random()
        swing = (rng.random() - 0.5) * 12
        ways.append(_Way(start, start + life, x, y, velocity, (rng.random() - 0.5) * 40, swing, width, height, label))
    return ways


def _visible(boxes: dict[int, tuple[float, float, float, float]]) -> dict[int, float]:
    """Part of each box that no nearer one, whose lower edge is lower, covers; of several the one that covers most."""
    shown = {}
    for number, (x1, y1, x2, y2) in boxes.items():
        covered = 0.0
        for other, (left, top, right, bottom) in boxes.items():
            if other != number and (bottom, other) > (y2, number):
                shared = max(0.0, min(x2, right) - max(x1, left)) * max(0.0, min(y2, bottom) - max(y1, top))
                covered = max(covered, shared)
        shown[number] = 1 - covered / ((x2 - x1) * (y2 - y1))
    return shown


def _detected(
    box: tuple[float, float, float, float], visible: float, label: int, rng: np.random.Generator
) -> tuple[int, float, Floats] | None:
    """class_id, score and box of a detection; None for a missed object."""
    draws = rng.random(8)
    score = 0.25 + 0.6 * visible + 0.3 * (draws[0] - 0.5)
    if visible < 0.25 or score < 0.35 or draws[1] < 0.04:
        return None
    x1, y1, x2, y2 = box
    noise = (draws[2:6] - 0.5) * 0.12 * np.array([x2 - x1, y2 - y1, x2 - x1, y2 - y1])
    return (2 if label and draws[6] < 0.1 else label), min(score, 0.99), np.array(box) + noise


def _clutter(rng: np.random.Generator) -> tuple[int, float, Floats]:
    x, y, width, height, score, label = rng.random(6)
    corner = np.array([x * (WIDTH - 150), y * (HEIGHT - 150)])
    return int(label * 3), 0.35 + 0.3 * score, np.concatenate([corner, corner + 40 + 100 * np.array([width, height])])


def _block(found: list[list[tuple[int, float, Floats]]], fps: float) -> Block:
    rows = [row for frame in found for row in frame]
    count = len(found)
    return Block(
        np.arange(count, dtype=np.int64),
        (np.arange(count) * 90_000 / fps).astype(np.int64),
        np.array([len(frame) for frame in found], np.uint32),
        np.array([row[0] for row in rows], np.uint16),
        np.rint(np.array([row[1] for row in rows]) * 10_000).astype(np.uint16),
        np.rint(np.array([row[2] for row in rows]).reshape(-1, 4) * 100).astype(np.int32),
    )
