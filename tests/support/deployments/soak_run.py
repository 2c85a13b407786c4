"""Soak test: jobs during random faults, reproducible by a seed, and a check for leftovers."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import redis

from contracts.storage.local import LocalStorage
from tests.support.deployments.breakable import Faulty, Patient, space_of, the_one
from tests.support.deployments.deployment import Deployment, Part
from tests.support.servers.debian import Server
from tests.support.waiting import until

DETECTORS = 2
_AT_ONCE = 6
_CANCELLED = 0.1
_HASTE = 0.8  # so that all are submitted before the end
_PAUSE_SECONDS = (0.5, 4.0)
_AWAY_SECONDS = (0.5, 5.0)
_END_SECONDS = 900
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"every_n": 3},
    {"min_score": 0.5, "labels": ["person"]},
    {"region": [0.1, 0.1, 0.9, 0.9], "start_ms": 1000},
)


@dataclass(frozen=True)
class Kind:
    """Video and options of a job, and the result file of its control job."""

    video: dict[str, Any]
    options: dict[str, Any]
    twin: bytes


@dataclass
class Soak:
    """One run. log: the faults, for reproduction with the same seed."""

    own: Deployment
    mode: Faulty
    seed: int
    log: Callable[[str], None] = print
    jobs: list[tuple[Kind, dict[str, Any], bool]] = field(default_factory=list)  # with a flag for cancelled ones

    def prepare(self, clips: Sequence[Path]) -> None:
        """Upload the clips, and run the control job of each kind."""
        self.client = Patient(self.own.url).register("soak")
        self.kinds: list[Kind] = []
        for video in [self.client.upload(clip) for clip in clips]:
            for options in OPTIONS:
                job = self.client.wait(self.client.submit(video, options=options))
                assert job["state"] == "succeeded", job
                self.kinds.append(Kind(video, options, self.own.result_bytes(job)))
                self.jobs.append((self.kinds[-1], job, False))

    def run(self, jobs: int, seconds: float) -> Counter[str]:
        """Submit jobs spread over the time, with faults while jobs run; returns how the jobs ended."""
        deadline = time.monotonic() + seconds
        chance = random.Random(self.seed)
        with ThreadPoolExecutor(1) as pool:
            submitter = pool.submit(self._submit, jobs, seconds / jobs)
            while time.monotonic() < deadline and (not submitter.done() or self._unfinished()):
                if submitter.done():
                    submitter.result()  # raise its error now, while the logs are relevant
                fault = chance.choice(FAULTS)
                self.log(f"{seconds - (deadline - time.monotonic()):7.1f} s: {fault.__name__[1:].replace('_', ' ')}")
                fault(self, chance)
                time.sleep(chance.uniform(*_PAUSE_SECONDS))
                self._revive()
            submitter.result()
        return self._ended()

    def _revive(self) -> None:
        # A detector exits when its child is killed while loading the model.
        for part in self.own.revive():
            assert part.name.startswith("detector"), part.log.read_text()[-6000:]
            self.log(f"          {part.name} has ended by itself: {part.log.read_text().strip().splitlines()[-1]}")

    def _unfinished(self) -> list[dict[str, Any]]:
        return [job for _, job, _ in self.jobs if self.client.job(job)["finished_at"] is None]

    def _submit(self, jobs: int, seconds: float) -> None:
        chance = random.Random(f"{self.seed}:jobs")
        client = Patient(self.own.url).use(self.client.tokens)
        active: list[dict[str, Any]] = []
        for _ in range(jobs):
            while len(active) >= _AT_ONCE:
                active = [job for job in active if client.job(job)["finished_at"] is None]
                time.sleep(0.2)
            time.sleep(chance.uniform(0, 2 * seconds) * _HASTE)
            kind = chance.choice(self.kinds)
            job = client.submit(kind.video, options=kind.options)
            is_cancelled = chance.random() < _CANCELLED
            if is_cancelled:
                time.sleep(chance.random() * 3)
                client.call("POST", f"/jobs/{job['id']}/cancel", 202)
            active.append(job)
            self.jobs.append((kind, job, is_cancelled))

    def _ended(self) -> Counter[str]:
        """Every job has ended, and successful ones have the bytes of their control jobs."""
        ends: Counter[str] = Counter()
        for kind, job, is_cancelled in self.jobs:
            ended = self.client.wait(job, seconds=_END_SECONDS)
            ends[ended["state"]] += 1
            if ended["state"] == "succeeded":
                assert self.own.result_bytes(ended) == kind.twin, ended
            elif ended["state"] == "partial":  # whose detector was killed at every attempt
                assert {gap["reason"] for gap in ended["failed_ranges"]} == {_POISON}, ended
            else:
                assert (ended["state"], is_cancelled) == ("cancelled", True), ended
        return ends

    def leave_nothing(self) -> None:
        """Exactly the owned objects are stored, and nothing after their deletion."""
        until(lambda: not any(self.mode.waiting(self.own).values()))
        # Partial files of killed writers: the reaper removes them after an hour.
        LocalStorage(self.own.storage()).sweep(0)
        owned = {f"videos/{kind.video['id']}/" for kind in self.kinds}
        files = self.own.settled_files()
        assert [name for name in files if not any(name.startswith(prefix) for prefix in owned)] == []
        for kind in self.kinds:
            if f"videos/{kind.video['id']}/content" in self.own.stored_files():
                self.client.call("DELETE", f"/videos/{kind.video['id']}", 204)
        self.own.expect_files([])
        settings = self.own.settings()
        with redis.Redis.from_url(settings.result_store_url, decode_responses=True) as client:
            keys = list(client.scan_iter(match="wd:job:*", count=1000))
            left = [key for key in keys if not key.endswith(":state") or client.hkeys(key) != ["cancel"]]
            assert left == [], "beside the word that nobody wants a job's results any more"
            assert [key for key in client.scan_iter(count=1000) if client.ttl(key) == -1] == [], "kept for ever"


_POISON = "the detector process died in every attempt at these frames"


def _kill_a_detectors_process(soak: Soak, chance: random.Random) -> None:
    part = chance.choice(soak.own.parts_of("detector"))
    for child in psutil.Process(part.pid).children():
        child.kill()


def _kill_a_detector(soak: Soak, chance: random.Random) -> None:
    _replace(soak, chance.choice(soak.own.parts_of("detector")), "detector")


def _kill_the_processor(soak: Soak, chance: random.Random) -> None:
    _replace(soak, the_one(soak.own, "processor"), "processor")


def _kill_the_api(soak: Soak, chance: random.Random) -> None:
    _replace(soak, the_one(soak.own, "api"), "api")


def _stop_a_role_in_order(soak: Soak, chance: random.Random) -> None:
    service = chance.choice(["detector", "processor", "api"])
    part = soak.own.parts_of(service)[0]
    part.terminate()
    assert part.wait() == 0, part.log.read_text()[-3000:]
    soak.own.add(service)


def _hold_a_detector(soak: Soak, chance: random.Random) -> None:
    """Suspend a detector beyond its lease."""
    processes = psutil.Process(chance.choice(soak.own.parts_of("detector")).pid).children(recursive=True)
    for process in processes:
        process.suspend()
    time.sleep(chance.uniform(*_AWAY_SECONDS))
    for process in processes:
        if process.is_running():
            process.resume()


def _restart_the_broker(soak: Soak, chance: random.Random) -> None:
    _restart(soak.mode.servers.rabbitmq, chance, None)


def _kill_the_broker(soak: Soak, chance: random.Random) -> None:
    _restart(soak.mode.servers.rabbitmq, chance, signal.SIGKILL)


def _cut_all_links_to_the_broker(soak: Soak, chance: random.Random) -> None:
    soak.mode.servers.rabbitmq.cut(space_of(soak.own))


def _lose_the_messages_of_a_queue(soak: Soak, chance: random.Random) -> None:
    soak.mode.servers.rabbitmq.purge(space_of(soak.own), chance.choice(["processor", "detector"]))


def _restart_redis(soak: Soak, chance: random.Random) -> None:
    _restart(soak.mode.servers.redis, chance, None)


def _kill_redis(soak: Soak, chance: random.Random) -> None:
    _restart(soak.mode.servers.redis, chance, signal.SIGKILL)


def _empty_redis(soak: Soak, chance: random.Random) -> None:
    with redis.Redis.from_url(soak.own.settings().result_store_url) as client:
        client.flushdb()


def _restart_the_database(soak: Soak, chance: random.Random) -> None:
    _restart(soak.mode.servers.postgres, chance, chance.choice([signal.SIGINT, signal.SIGQUIT]))


FAULTS = (
    _kill_a_detectors_process,
    _kill_a_detector,
    _kill_the_processor,
    _kill_the_api,
    _stop_a_role_in_order,
    _hold_a_detector,
    _restart_the_broker,
    _kill_the_broker,
    _cut_all_links_to_the_broker,
    _lose_the_messages_of_a_queue,
    _restart_redis,
    _kill_redis,
    _empty_redis,
    _restart_the_database,
)


def _replace(soak: Soak, part: Part, service: str) -> None:
    part.kill()
    soak.own.add(service)


def _restart(server: Server, chance: random.Random, how: signal.Signals | None) -> None:
    server.stop(how)
    time.sleep(chance.uniform(*_AWAY_SECONDS))
    server.start_again().wait()
