"""How many detectors are wanted, from the work that there is and their measured speed. Pure.

The length of a queue does not tell: a processor sends each detector a few chunks and keeps the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite


@dataclass(frozen=True, slots=True)
class Scale:
    """Of detectors. demand: frames per second that are wanted. capacity: those that can be had, 0 where nothing was
    measured yet. ratio: of both. processes: that are there. wanted: that would bring the ratio to 1."""

    ratio: float
    processes: int
    wanted: int
    demand: float
    capacity: float


def scale(demand: float, speeds: Sequence[float]) -> Scale:
    """Of detectors of one kind. demand: as in Scale. speeds: of each detector, 0 where it was not measured: it is
    taken for as fast as the others on average.

    Where no speed is known the ratio is 1 while there is work, so that what is there stays, or one comes.
    """
    measured = [speed for speed in speeds if speed > 0 and isfinite(speed)]
    there = len(speeds)
    one = sum(measured) / len(measured) if measured else 0.0
    if demand <= 0:
        return Scale(0.0, there, 0, 0.0, one * there)
    if not measured:
        return Scale(1.0, there, max(1, there), demand, 0.0)
    return Scale(demand / (one * there), there, ceil(demand / one), demand, one * there)


def together(parts: Sequence[Scale]) -> Scale:
    """Of all kinds. Where the capacity of one that has work is not known, the largest ratio is that of all."""
    demand, capacity = sum(part.demand for part in parts), sum(part.capacity for part in parts)
    known = all(part.capacity or not part.demand for part in parts)
    ratio = demand / capacity if known and capacity else max((part.ratio for part in parts), default=0.0)
    processes, wanted = sum(part.processes for part in parts), sum(part.wanted for part in parts)
    return Scale(ratio, processes, wanted, demand, capacity)


def wanted_fps(backlog_frames: int, target_seconds: int) -> float:
    """Frames per second that do a backlog within the target."""
    return backlog_frames / target_seconds
