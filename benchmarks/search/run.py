"""Searching a thousand hours of cameras, in SQLite and in PostgreSQL, by the code of the api.

    make bench-search [HOURS=1000] [ROUNDS=40]

Ten cameras, 1,620 tracks an hour of each, 80 labels of which a person is half and 74 are rare. Each round asks every
question once on each store, with other labels, cameras, days and polygons, in an order of chance. A page has 50 hits.
PostgreSQL is Debian's, as it comes, on this machine. cpu: mean processor time of a page, of this process and of the
database's server, which is what a page takes on an idle machine at least.
"""

import math
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import psutil
from sqlalchemy import Engine, text
from starlette.datastructures import QueryParams

from api.search.question import question_of
from api.tables.search import TrackSearch
from benchmarks.report import record, spread, table
from benchmarks.search.generated import CAMERAS, FIRST, LABELS, RARE, TAGS, TRACKS_AN_HOUR, Generated
from contracts.database.engine import open_database
from contracts.database.tables import Base
from tests.support.servers.debian import Postgres

_HITS = 50
Chance = random.Random
Asked = dict[str, object]
# By question and store.
Times = dict[tuple[str, str], list[float]]


def _label(chance: Chance) -> Asked:
    return {"label": chance.choice(list(LABELS))}


def _rare(chance: Chance) -> Asked:
    return {"label": chance.choice(RARE)}


def _camera(chance: Chance) -> Asked:
    return {"source": f"camera {chance.randrange(CAMERAS)}"}


def _zone(chance: Chance, least: float = 0.1, most: float = 0.4) -> Asked:
    """A hexagon somewhere in the lower part of the frame."""
    across, down, size = chance.uniform(0.4, 0.6), chance.uniform(0.45, 0.6), chance.uniform(least, most)
    corners = [math.tau * corner / 6 for corner in range(6)]
    points = [(across + size * math.cos(turn), down + size * math.sin(turn)) for turn in corners]
    return {"polygon": ",".join(f"{x:.4f},{y:.4f}" for x, y in points)}


def _day(chance: Chance, hours: int) -> Asked:
    begin = FIRST + timedelta(hours=chance.randrange(max(1, hours // CAMERAS - 24)))
    return {"from": begin.isoformat(), "to": (begin + timedelta(hours=24)).isoformat()}


_NIGHT: Asked = {"hour_from": "22", "hour_to": "5", "time_zone": "Europe/Berlin"}


def questions(hours: int) -> dict[str, Callable[[Chance], Asked]]:
    """What is asked, by name."""
    return {
        "label, newest": _label,
        "rare label, newest": _rare,
        "nothing named, newest": lambda chance: {},
        "label, camera, day": lambda chance: _label(chance) | _camera(chance) | _day(chance, hours),
        "label, camera, day, zone": lambda chance: (
            _label(chance) | _camera(chance) | _day(chance, hours) | _zone(chance)
        ),
        "label, at night": lambda chance: _label(chance) | _NIGHT,
        "label, tag, 20 seconds": lambda chance: _label(chance) | {"tag": chance.choice(TAGS), "min_seconds": 20},
        "label, direction": lambda chance: _label(chance) | {"direction": chance.randrange(360)},
        "label, best": lambda chance: _label(chance) | {"sort": "score"},
        "label, day, best": lambda chance: _label(chance) | _day(chance, hours) | {"sort": "score"},
        "label, free polygon": lambda chance: _label(chance) | _zone(chance),
        "label, tiny polygon": lambda chance: _label(chance) | _zone(chance, 0.003, 0.01),
        "free polygon alone": _zone,
    }


@dataclass(frozen=True, slots=True)
class Store:
    """A database, the user who has everything in it, and the processes of its server."""

    engine: Engine
    user_id: str
    processes: Callable[[], list[psutil.Process]]

    def cpu_seconds(self) -> float:
        """What its server and this process have computed so far."""
        spent = [process.cpu_times() for process in self.processes()]
        return time.process_time() + sum(one.user + one.system for one in spent)


@contextmanager
def loaded(hours: int) -> Iterator[dict[str, Store]]:
    """A database of each kind with so many hours."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        server = stack.enter_context(Postgres(fsync="on"))
        main = psutil.Process(server.wait().pid)
        urls = {"sqlite": f"sqlite:///{Path(folder) / 'tables.sqlite'}", "postgresql": server.create("bench")}
        found = {}
        for name, url in urls.items():
            engine = open_database(url, statement_seconds=None)
            stack.callback(engine.dispose)
            Base.metadata.create_all(engine)
            generated = Generated(engine, hours)
            generated.load()
            own = partial(main.children, recursive=True) if name == "postgresql" else list
            found[name] = Store(engine, generated.user_id, own)
        yield found


def size_of(engine: Engine) -> int:
    """Bytes of the table of tracks with its indexes; in SQLite of the whole file."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            return int(connection.scalar(text("SELECT pg_total_relation_size('tracks')")) or 0)
        pages = connection.scalar(text("PRAGMA page_count")) or 0
        return int(pages * (connection.scalar(text("PRAGMA page_size")) or 0))


def measure(stores: dict[str, Store], hours: int, rounds: int) -> tuple[Times, Times]:
    """Milliseconds of each question to each store, by the clock and of processor time."""
    chance, asked = Chance(1), questions(hours)
    clock: Times = {(name, store): [] for name in asked for store in stores}
    processor: Times = {key: [] for key in clock}
    pages = {name: TrackSearch(store.engine) for name, store in stores.items()}
    for number in range(rounds + 1):  # the first one warms up
        for name in chance.sample(list(asked), len(asked)):
            question = question_of(QueryParams(urlencode(asked[name](chance))))
            for store in chance.sample(list(stores), len(stores)):
                spent, began = stores[store].cpu_seconds(), time.perf_counter()
                pages[store].page(stores[store].user_id, question, None, _HITS)
                ended = time.perf_counter()
                if number:
                    clock[name, store].append((ended - began) * 1000)
                    processor[name, store].append((stores[store].cpu_seconds() - spent) * 1000)
    return clock, processor


def late(values: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


def main(hours: int, rounds: int) -> None:
    """Entry point."""
    with loaded(hours) as stores:
        sizes = {name: size_of(store.engine) for name, store in stores.items()}
        busy = os.getloadavg()[0]
        clock, processor = measure(stores, hours, rounds)
    tracks = hours * TRACKS_AN_HOUR
    print(f"{tracks} tracks, pages of {_HITS} hits, {rounds} rounds, {os.cpu_count()} cores, load {busy:.1f}")
    for name, size in sizes.items():
        print(f"{name}: {size / 1e6:.0f} MB, {size / tracks:.0f} bytes a track")
    figures: dict[str, tuple[Times, Callable[[list[float]], float]]]
    figures = {"median": (clock, statistics.median), "p95": (clock, late), "cpu": (processor, statistics.fmean)}
    names = list(dict.fromkeys(name for name, _ in clock))
    head = ["ms of a page", *(f"{store} {figure}" for store in sizes for figure in figures)]
    table(
        head,
        [
            [name, *(f"{of(times[name, store]):.1f}" for store in sizes for times, of in figures.values())]
            for name in names
        ],
    )
    found = {
        " / ".join(key): spread(values)
        | {"p95": round(late(values), 3), "cpu": round(statistics.fmean(processor[key]), 3)}
        for key, values in clock.items()
    }
    record("search", {"hours": hours, "tracks": tracks, "load": busy, "bytes": sizes, "ms": found})


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
