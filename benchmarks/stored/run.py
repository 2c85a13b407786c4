"""A service with a million videos in its tables, in SQLite and in PostgreSQL: what lists, search, quotas, scrapes and
each periodic job take.

    make bench-stored [VIDEOS=100000] [ROUNDS=20]

A thousand users, of whom one has half of the videos, and each video with a job, tracks, a poster, an event of the audit
log, some with alerts, recordings and deliveries. The code is that of the api and the processor, in this process, with
PostgreSQL of Debian and Valkey on this machine. cpu: median of the processor time of this process and of the database's
server, which is what it takes on an idle machine at least.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.report import full, record, spread, table
from benchmarks.search.run import size_of
from benchmarks.stored.asked import Ask, asked, settings_in
from benchmarks.stored.loading import load
from benchmarks.stored.rows import Stored
from contracts.database.engine import open_database
from contracts.database.tables import utcnow
from tests.support.servers.debian import Postgres
from tests.support.servers.valkey import Valkey

_TURNS = 5  # of each periodic job
# Milliseconds by the clock and of processor time, by what was asked.
Times = dict[str, tuple[list[float], list[float]]]
Meter = Callable[[], float]


def measure(questions: dict[str, Ask], rounds: int, cpu: Meter) -> Times:
    """Ask each so many times, after once to warm up."""
    found: Times = {}
    for name, ask in questions.items():
        clock, processor = [], []
        for number in range(rounds + 1):
            spent, began = cpu(), time.perf_counter()
            ask()
            took, used = time.perf_counter() - began, cpu() - spent
            if number:
                clock.append(1000 * took)
                processor.append(1000 * used)
        found[name] = clock, processor
        print(f"  {name}: {statistics.median(processor):.1f} ms of CPU, {max(clock):.1f} at worst", file=sys.stderr)
    return found


def meter(server: int | None = None) -> Meter:
    """Seconds of processor time so far, of this process and of what a server has started."""

    def cpu() -> float:
        return sum(map(_seconds, _children(server) if server is not None else ())) + time.process_time()

    return cpu


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _seconds(pid: str) -> float:
    """Of a process of one thread, more exactly than in the ticks of other files."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except FileNotFoundError:
        return 0.0


def measured(folder: Path, url: str, videos: int, rounds: int, cpu: Meter) -> tuple[Times, int]:
    """Of one database, and how many bytes it has."""
    folder.mkdir()
    stored = Stored(videos, utcnow())
    engine = open_database(url, statement_seconds=None)
    began = time.monotonic()
    rows = load(engine, stored.tables())
    size = _size(engine)
    engine.dispose()
    print(f"{rows:,} rows in {time.monotonic() - began:.0f} s, {size / 1e9:.2f} GB", file=sys.stderr)
    with Valkey(folder) as valkey:
        settings = settings_in(folder, url, valkey.broker_url, valkey.url)
        with asked(stored, settings) as all_of_it:
            found = measure(all_of_it.requests() | all_of_it.of_the_api(), rounds, cpu)
            found |= measure(all_of_it.periodic(), min(rounds, _TURNS), cpu)
    return found, size


def _size(engine: Engine) -> int:
    if engine.dialect.name == "sqlite":
        return size_of(engine)
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())


def main(videos: int, rounds: int) -> None:
    """Entry point."""
    found: dict[str, Times] = {}
    sizes, busy = {}, os.getloadavg()[0]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-stored-")))
        file = f"sqlite:///{folder / 'tables.sqlite'}"
        found["sqlite"], sizes["sqlite"] = measured(folder / "sqlite", file, videos, rounds, meter())
        server = stack.enter_context(Postgres(fsync="on"))
        url, cpu = server.wait().create("bench"), meter(server.pid)
        found["postgresql"], sizes["postgresql"] = measured(folder / "postgresql", url, videos, rounds, cpu)
    print(f"{videos:,} videos, {os.cpu_count()} cores, load {busy:.1f} to {os.getloadavg()[0]:.1f}")
    for name, size in sizes.items():
        print(f"{name}: {size / 1e9:.2f} GB")
    head = ["ms", *(f"{name} {figure}" for name in found for figure in ("median", "worst", "cpu"))]
    table(
        head, [[name, *(cell for times in found.values() for cell in _cells(*times[name]))] for name in found["sqlite"]]
    )
    figures = {
        store: {name: spread(clock) | {"cpu": round(statistics.median(cpu), 3)} for name, (clock, cpu) in times.items()}
        for store, times in found.items()
    }
    record("stored", {"videos": videos, "bytes": sizes, "ms": figures})


def _cells(clock: list[float], processor: list[float]) -> list[str]:
    return [f"{value:.1f}" for value in (statistics.median(clock), max(clock), statistics.median(processor))]


if __name__ == "__main__":
    main(int(sys.argv[1] or (1_000_000 if full() else 100_000)), int(sys.argv[2] or 20))
