"""Ratios of runs that were made in pairs, and how sure they are. Pure."""

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_RESAMPLES = 4000


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of the pairs' ratios, and where it lies with 95 % confidence."""

    median: float
    low: float
    high: float
    pairs: int

    def figures(self) -> dict[str, float]:
        """What stands in a record."""
        return {"median": round(self.median, 4), "low": round(self.low, 4), "high": round(self.high, 4)}

    def __str__(self) -> str:
        return f"{self.median:.3f} ({self.low:.3f} to {self.high:.3f})"


def ratio(values: Sequence[float], others: Sequence[float]) -> Ratio:
    """Of values to others, pair by pair; the interval is found by drawing the pairs again and again."""
    each = [a / b for a, b in zip(values, others, strict=True)]
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(each, k=len(each))) for _ in range(_RESAMPLES))
    low, high = medians[int(_RESAMPLES * 0.025)], medians[int(_RESAMPLES * 0.975)]
    return Ratio(statistics.median(each), low, high, len(each))


def rounds(contenders: Sequence[T], count: int, run: Callable[[T], None]) -> None:
    """Each contender once a round, the order turned and reversed from round to round."""
    for number in range(count):
        turn = number // 2 % len(contenders)
        order = [*contenders[turn:], *contenders[:turn]]
        for contender in order if number % 2 == 0 else reversed(order):
            run(contender)
