"""Very many queued jobs: what they make of polls, of the processor's turns and of the servers' memory, and whether who
comes last has a fair turn.

    make bench-queue [JOBS=1000]

Embedded mode, whose detector stands still while one user submits the jobs through HTTP, all on the sample, and another
user one job after them. Each figure is measured with few jobs in the queue, then with all. CPU time is that of the
service's processes while they answer, and of this process where it calls the processor's own functions.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import redis

from benchmarks.report import full, record, table
from contracts.settings.table import Settings
from contracts.workers.celery_app import create_celery
from processor.context import Services
from processor.housekeeping.cleanup import remove_old_and_orphaned
from processor.periodic import recover
from processor.worker import build
from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import ROOT, Service
from tests.support.models import tiny_model
from tests.support.waiting import until

FEW = 20
_AT_ONCE = 4  # requests that submit
_TIMES, _TURNS = 20, 5
_API, _PARTS, _DETECTOR = "gunicorn", r"gunicorn|processor\.worker|valkey", r"detector\.worker"

Figures = dict[str, float]


class Queue:
    """The service with the jobs of the first user."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._many, self._one = service.client(), service.client()
        sample = ROOT / "samples/things.mp4"
        self._video, self._other = self._many.upload(sample), self._one.upload(sample)
        self._settings = service.settings()
        self._processor = build(self._settings, create_celery(self._settings))
        self._jobs: list[dict[str, Any]] = []

    def grow(self, count: int) -> Figures:
        """Submit until there are so many, and let the processors see their messages."""
        new = count - len(self._jobs)
        parts = self._service.processes(_PARTS)
        before, began = _cpu(parts), time.monotonic()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            self._jobs += pool.map(lambda _: self._many.start(self._video), range(new))
        seconds = time.monotonic() - began
        until(lambda: _waiting(self._settings) == 0, seconds=3600)
        return {"submit, ms of CPU each": 1000 * (_cpu(parts) - before) / new, "submit, a second": new / seconds}

    def look(self) -> Figures:
        """What users and the processor notice of the queue."""
        queued = self._jobs[len(self._jobs) // 2 :]
        requests: dict[str, Callable[[int], object]] = {
            "list, 50 jobs": lambda _: self._many.http.get("/api/v1/jobs").raise_for_status(),
            "list, queued": lambda _: self._many.http.get("/api/v1/jobs?state=queued").raise_for_status(),
            "poll": lambda _: self._many.http.get(f"/api/v1/jobs/{self._jobs[-1]['id']}").raise_for_status(),
        }
        found: Figures = {}
        for name, ask in requests.items():
            found |= _asked(name, ask, self._service.processes(_API))
        turns: dict[str, Callable[[Services], object]] = {
            "reaper's turn": recover,
            "clean-up": remove_old_and_orphaned,
        }
        for name, run in turns.items():
            found |= _called(name, lambda run=run: run(self._processor))  # type: ignore[misc]
        found["cancel, ms"] = statistics.median(self._cancelled(job) for job in queued[:5])
        with redis.Redis.from_url(self._settings.result_store_url) as client:
            found["Redis, MB"] = client.info("memory")["used_memory"] / 1e6  # type: ignore[index]
        resident = (process.memory_info().rss for process in self._service.processes(r"processor\.worker"))
        found["largest processor, MB"] = max(resident) / 1e6
        return found

    def add_last(self) -> dict[str, Any]:
        """A job of the other user."""
        job: dict[str, Any] = self._one.start(self._other)
        return job

    def end(self, job: dict[str, Any]) -> Figures:
        """How that one fares when the detector goes on."""
        began = time.monotonic()
        ended = self._one.wait(job)
        seconds = time.monotonic() - began
        assert ended["state"] == "succeeded", ended
        done = self._many.http.get("/api/v1/jobs", params={"state": "succeeded", "limit": 200}).json()["items"]
        return {"last job of another user, s": seconds, "jobs of the first that ended meanwhile": len(done)}

    def _cancelled(self, job: dict[str, Any]) -> float:
        """Milliseconds until a queued job has ended."""
        began = time.monotonic()
        self._many.call("POST", f"/jobs/{job['id']}/cancel", 202)
        until(lambda: self._many.job(job)["finished_at"] is not None)
        return 1000 * (time.monotonic() - began)


def _asked(name: str, ask: Callable[[int], object], parts: list[psutil.Process]) -> Figures:
    times, before = [], _cpu(parts)
    for number in range(_TIMES):
        began = time.perf_counter()
        ask(number)
        times.append(time.perf_counter() - began)
    cpu = (_cpu(parts) - before) / _TIMES
    return {f"{name}, ms": 1000 * statistics.median(times), f"{name}, ms of CPU": 1000 * cpu}


def _called(name: str, run: Callable[[], object]) -> Figures:
    times, cpu = [], []
    for _ in range(_TURNS):
        began, before = time.perf_counter(), time.process_time()
        run()
        times.append(time.perf_counter() - began)
        cpu.append(time.process_time() - before)
    return {f"{name}, ms": 1000 * statistics.median(times), f"{name}, ms of CPU": 1000 * statistics.median(cpu)}


def _cpu(parts: list[psutil.Process]) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in parts)


def _waiting(settings: Settings) -> int:
    """Messages that wait for a processor."""
    with create_celery(settings).connection_for_write() as connection:
        return int(connection.default_channel.queue_declare("processor").message_count)


def measure(folder: Path, jobs: int) -> tuple[Figures, Figures, Figures]:
    """With few jobs, with all, and of the one that came last."""
    settings = {"DETECTOR_WORKERS": 1, "DETECTOR_THREADS": 1, "RATE_REQUESTS_PER_MINUTE": 0}
    with EmbeddedMode().run(folder, **settings, **tiny_model.as_default(folder)) as service:
        with service.held(_DETECTOR):
            queue = Queue(service)
            few = queue.grow(FEW) | queue.look()
            many = queue.grow(jobs) | queue.look()
            job = queue.add_last()
        return few, many, queue.end(job)


def main(jobs: int) -> None:
    """Entry point."""
    with tempfile.TemporaryDirectory(prefix="bench-queue-") as name:
        few, many, last = measure(Path(name), jobs)
    table(("", f"{FEW} jobs", f"{jobs} jobs"), [(key, f"{few[key]:.1f}", f"{many[key]:.1f}") for key in many])
    for key, value in last.items():
        print(f"{key}: {value:.1f}")
    figures = {f"{key}, {count}": round(found[key], 2) for count, found in ((FEW, few), (jobs, many)) for key in found}
    record("queue", {"jobs": jobs, **figures, **{key: round(value, 2) for key, value in last.items()}})


if __name__ == "__main__":
    main(int(sys.argv[1] or (10_000 if full() else 1_000)))
