"""CPU time of servers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil


@dataclass
class Spent:
    """Seconds of CPU; set at the end of the block."""

    seconds: float = 0.0


@contextmanager
def spent(pid: int) -> Iterator[Spent]:
    """What a process and its children spend meanwhile. Children that begin and end meanwhile are not counted."""
    found, before = Spent(), _cpu(pid)
    yield found
    found.seconds = _cpu(pid) - before


def _cpu(pid: int) -> float:
    process = psutil.Process(pid)
    return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True)))
