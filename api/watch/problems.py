"""What is wrong now, in words, with what to do. Pure.

Each has the name of the alert of deploy/monitoring/rules.yaml that fires when it lasts, with the same threshold.
"""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from api.watch.numbers import Numbers
from contracts.metrics import table

MOST_RATIO = 1
LEAST_SERVED = 0.5
LEAST_FREE_BYTES = 10 * 1024**3
MOST_RESULT_BYTES = 4 * 1024**3

_NEEDED = ("processor", "renderer", "detector")
_OF_STREAMS = ("ingest", "live_detector")
_SERVERS = {
    "database": "The database",
    "result_store": "The result store",
    "broker": "The broker",
    "redis": "Redis",
}
_RUNNING = ("connecting", "live", "reconnecting")


class Problem(NamedTuple):
    """alert: the name of its alert. what: is wrong. do: against it."""

    alert: str
    severity: Literal["warning", "critical"]
    what: str
    do: str


def problems(numbers: Numbers) -> list[Problem]:
    """The critical ones first."""
    found = [problem for look in _LOOKS for problem in look(numbers)]
    return sorted(found, key=lambda problem: problem.severity != "critical")


def _servers(numbers: Numbers) -> Iterator[Problem]:
    for name, is_up in numbers.by_label(table.SERVER_UP).items():
        if not is_up:
            yield Problem(
                "ServerDown",
                "critical",
                f"{_SERVERS.get(name, name)} does not answer.",
                "See whether it runs, and its log. Jobs go on by themselves when it is back; nothing is lost.",
            )


def _workers(numbers: Numbers) -> Iterator[Problem]:
    there = numbers.by_label(table.WORKERS)
    wanted = _NEEDED + (_OF_STREAMS if numbers.sum(table.STREAMS, *_RUNNING) else ())
    for role in wanted:
        if there.get(role) == 0:
            yield Problem(
                "NoWorkers",
                "critical",
                f"There is no {_words(role)}.",
                "Start one. If one runs, its log says why it does not reach Redis or the broker, or loads no model.",
            )


def _capacity(numbers: Numbers) -> Iterator[Problem]:
    for alert, role, doing in (
        ("DetectorsLacking", "detector", "The backlog of jobs takes {:.1f} times as long as it may."),
        ("LiveDetectorsLacking", "live_detector", "Streams want {:.1f} times what the live detectors can do."),
    ):
        ratio = numbers.of(table.SCALE_RATIO, role)
        if ratio is not None and ratio > MOST_RATIO:
            there = numbers.sum(table.WORKERS, role)
            wanted = numbers.sum(table.DETECTORS_WANTED, role)
            less = "or set max_fps of streams" if role == "live_detector" else "or accept the wait"
            counts = f"{wanted:.0f} would be enough, {there:.0f} of them are there"
            yield Problem(alert, "warning", doing.format(ratio), f"Add {_words(role)}s ({counts}), {less}.")


def _served(numbers: Numbers) -> Iterator[Problem]:
    wanted, served = numbers.of(table.LIVE_WANTED), numbers.of(table.LIVE_SERVED)
    if wanted and served is not None and served / wanted < LEAST_SERVED:
        yield Problem(
            "StreamsUnserved",
            "warning",
            f"{served / wanted:.0%} of the wanted frames of streams are analysed.",
            "Add live detectors, or see in the log of one whether it has lost its model.",
        )


def _pictures(numbers: Numbers) -> Iterator[Problem]:
    if broken := numbers.sum(table.STREAMS, "reconnecting", "failed"):
        yield Problem(
            "StreamsBroken",
            "warning",
            f"{broken:.0f} {'stream has' if broken == 1 else 'streams have'} no picture.",
            "Live says why: address, password, codec, or a camera that is off.",
        )


def _room(numbers: Numbers) -> Iterator[Problem]:
    free = numbers.of(table.STORAGE_FREE)
    if free is not None and free < LEAST_FREE_BYTES:
        yield Problem(
            "StorageNearlyFull",
            "critical",
            f"{free / 1024**3:.1f} GiB are free in the storage. Soon uploads are refused, and recordings end.",
            "Free space, set RETENTION_VIDEO_DAYS, or shorten the recordings of streams.",
        )
    results = numbers.of(table.RESULT_STORE_BYTES)
    if results is not None and results > MOST_RESULT_BYTES:
        yield Problem(
            "ResultStoreLarge",
            "warning",
            f"The result store has {results / 1024**3:.1f} GiB.",
            "Give it more memory before its limit, at which jobs stand still, or lower STREAM_RESULTS_MINUTES.",
        )


_LOOKS: tuple[Callable[[Numbers], Iterator[Problem]], ...] = (
    _servers, _workers, _room, _capacity, _served, _pictures,
)  # fmt: skip


def _words(role: str) -> str:
    return role.replace("_", " ")
