"""What comes to the detectors, by the second."""

import math
import random

from benchmarks.scaling_simulator.model import Load

DAY = 86_400


def burst(frames: float, at: int = 60) -> Load:
    """Jobs that are all started at once."""
    return lambda now: frames if now == at else 0.0


def day(mean: float, seed: int = 1) -> Load:
    """Frames per second on average, twice that at noon and nothing at midnight, in jobs by chance, one in five seconds
    on average."""
    chance = random.Random(seed)  # noqa: S311
    size = mean * 5

    def load(now: int) -> float:
        rate = mean * (1 - math.cos(2 * math.pi * now / DAY)) / size
        return size if chance.random() < rate else 0.0

    return load


def cameras(count: int, fps: float, seconds: int, seed: int = 1) -> Load:
    """Streams of which each is there for a part of the time, from a second to another by chance."""
    chance = random.Random(seed)  # noqa: S311
    changes = [0] * (seconds + 1)
    for _ in range(count):
        begin, end = sorted((chance.randrange(seconds), chance.randrange(seconds)))
        changes[begin] += 1
        changes[end] -= 1
    there, found = 0, []
    for change in changes:
        there += change
        found.append(there * fps)
    return lambda now: found[now]
