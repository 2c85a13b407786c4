"""What happened when in a soak test, and what that explains. Pure.

Times are Unix seconds.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Interval = tuple[float, float]
_UNWRITTEN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Harm:
    """What a fault may do.

    silent: seconds after its end within which live detection goes on, as docs/live.md says; None where it must not
    notice. kinds: of the streams that this is about, all where there are none. lost: seconds after its end up to which
    images that were acknowledged may miss in recordings; None for none. chunks: it may kill a detector at a chunk.
    full: there is no room on the disk.
    """

    silent: float | None = None
    kinds: frozenset[str] = frozenset()
    lost: float | None = None
    chunks: bool = False
    full: bool = False

    @property
    def loses(self) -> bool:
        """Whether it may lose images."""
        return self.lost is not None


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault that happened. what: a part, a number of seconds."""

    name: str
    what: str
    start: float
    end: float
    harm: Harm


@dataclass(frozen=True, slots=True)
class Step:
    """A fault that is to happen. number: from 0 on. chance: its own, so that what it asks for changes no other. pause:
    seconds after it."""

    number: int
    fault: str
    chance: random.Random = field(compare=False)
    pause: float


def order(names: Sequence[str], seed: int, pause: Interval) -> Iterator[Step]:
    """The faults in rounds without end, all of them in each: a seed always gives the same."""
    chance, number = random.Random(seed), 0
    while True:
        for name in chance.sample(names, len(names)):
            yield Step(number, name, random.Random(f"{seed}:{number}"), chance.uniform(*pause))
            number += 1


def silent(log: Iterable[Happened], kind: str, slack: float) -> list[Interval]:
    """When live detection of a kind of streams may stand still. slack: seconds that a process takes to start here."""
    return [
        (one.start, one.end + one.harm.silent + slack)
        for one in log
        if one.harm.silent is not None and (not one.harm.kinds or kind in one.harm.kinds)
    ]


def losing(log: Iterable[Happened], slack: float) -> list[Interval]:
    """When images that were acknowledged may be lost. An ingest writes its recordings once a second."""
    return [
        (one.start - _UNWRITTEN_SECONDS, one.end + one.harm.lost + slack) for one in log if one.harm.lost is not None
    ]


def silences(times: Sequence[float], longest: float) -> list[Interval]:
    """Where nothing came for longer than that: from then on until something came."""
    return [(before + longest, after) for before, after in pairwise(times) if after - before > longest]


def unexplained(found: Iterable[Interval], allowed: Iterable[Interval]) -> list[Interval]:
    """Those that the allowed ones together do not cover."""
    joined = _joined(allowed)
    return [(start, end) for start, end in found if not any(first <= start and end <= last for first, last in joined)]


def count(log: Iterable[Happened], what: str, start: float, end: float) -> int:
    """How many faults with this harm happened in between, or were about to end then."""
    return sum(bool(getattr(one.harm, what)) and one.start <= end and one.end >= start for one in log)


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    joined: list[Interval] = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
