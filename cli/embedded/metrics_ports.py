"""Ports for metrics in embedded mode: one for each process, from METRICS_PORT on."""

from collections.abc import Sequence
from dataclasses import replace

from cli.embedded.process import Process
from cli.embedded.supervisor import Failed

_SETTING = "METRICS_PORT"
_ORDER = ("api", "processor", "renderer", "ingest", "live", "detector")
_LAST_PORT = 65_535


def ports(first: int, processes: Sequence[Process]) -> dict[str, int]:
    """The port of each process by its name, in the order of docs/operate/metrics.md; none where `first` is 0.

    Raises Failed where there are not so many.
    """
    if not first:
        return {}
    names = sorted((process.name for process in processes), key=_place)
    if first + len(names) - 1 > _LAST_PORT:
        raise Failed(f"{_SETTING}={first} leaves no ports for {len(names)} processes: set a smaller one")
    return {name: first + place for place, name in enumerate(names)}


def with_port(process: Process, found: dict[str, int]) -> Process:
    """The process with its port, if it has one."""
    port = found.get(process.name)
    return process if port is None else replace(process, env={**process.env, _SETTING: str(port)})


def _place(name: str) -> tuple[int, int]:
    role, _, number = name.partition("-")
    return _ORDER.index(role), int(number or 0)
