"""How many alerts a rule may raise."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence


def limited(times: Sequence[int], earlier: Iterable[int], apart: int, most: int) -> list[int]:
    """The places of the times that become alerts, the earliest first: at most so many, none of them nearer than `apart`
    to another one or to those of earlier alerts. All are in ms."""
    taken = sorted(earlier)
    chosen: list[int] = []
    for place in sorted(range(len(times)), key=lambda place: (times[place], place)):
        if len(chosen) >= most:
            break
        time = times[place]
        after = bisect_left(taken, time)
        if all(abs(time - other) >= apart for other in taken[max(0, after - 1) : after + 1]):
            insort(taken, time)
            chosen.append(place)
    return chosen
