"""Very many clients at once: how long a poll takes while others poll and upload, and jobs run.

    make bench-load [CLIENTS=200] [SECONDS=60] [EVERY=1]

Embedded mode, as it comes, and beside it clients in a process of their own, some to a user. Each asks for its job
once in EVERY seconds on average, at moments of its own: were they a second apart, all whom something held up once would
ask together from then on. One of every twenty, ten at most, uploads the sample and starts a job on it, over and over.
The clients share the machine with the service: what they took of it is told beside what the service took. An answer
other than 2xx and 429 is a failure. The first seconds, in which all connect and the processes of the api make much of
what they then keep, are not in the figures.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.report import record, table
from benchmarks.service.cheap_client import CheapClient
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import ROOT

POLL_SECONDS = 1.0
USERS = 20
UPLOADERS = 20  # one of so many clients
MOST_UPLOADERS = 10  # more than two cores take by far: they would measure uploads
GOAL_MS = 250
WARM_UP_SECONDS = 5
# Roles whose CPU time is told, by their command lines; the clients are the process itself.
ROLES = {"api": r"api\.asgi", "valkey": "valkey-server", "detectors": r"detector\.worker", "all of the service": ""}


@dataclass
class Seen:
    """Milliseconds of polls, how often which answer came to what, and seconds of CPU by role meanwhile."""

    polls: list[float] = field(default_factory=list)
    answers: "Counter[tuple[str, int]]" = field(default_factory=Counter)
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def wrong(self) -> "Counter[tuple[str, int]]":
        """The answers that no client should get."""
        return Counter({key: n for key, n in self.answers.items() if not (200 <= key[1] < 300 or key[1] == 429)})

    def quantile(self, share: float) -> float:
        """Milliseconds within which so large a share of the polls was answered."""
        ordered = sorted(self.polls)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class Crowd:
    """The clients of one service."""

    def __init__(
        self, service: Embedded, sample: Path, clients: int, seconds: float, every: float = POLL_SECONDS
    ) -> None:
        self.seen = Seen()
        self._service = service
        self._sample = sample.read_bytes()
        self._clients = clients
        self._seconds, self._every = seconds, every
        users = [service.client() for _ in range(min(USERS, clients))]
        # All uploads first: beside jobs at work, so many would take minutes.
        videos = [user.upload(sample) for user in users]
        # Each user has a job that has not ended for long.
        self._users = [
            (user.tokens["access_token"], str(user.start(video)["id"]))
            for user, video in zip(users, videos, strict=True)
        ]

    async def run(self) -> Seen:
        """All of them, until the time is over."""
        self._warm = time.monotonic() + WARM_UP_SECONDS
        self._end = self._warm + self._seconds
        await asyncio.gather(self._measure(), *(self._client(number) for number in range(self._clients)))
        return self.seen

    async def _measure(self) -> None:
        await asyncio.sleep(self._warm - time.monotonic())
        parts = {role: self._service.processes(pattern) for role, pattern in ROLES.items()}
        parts["clients"] = [psutil.Process()]
        before = {role: _cpu(processes) for role, processes in parts.items()}
        await asyncio.sleep(self._end - time.monotonic())
        self.seen.cpu = {role: _cpu(processes) - before[role] for role, processes in parts.items()}

    async def _client(self, number: int) -> None:
        dice = random.Random(number)  # noqa: S311  (the same in every run)
        token, job = self._users[number % len(self._users)]
        uploads = number % UPLOADERS == 0 and number < UPLOADERS * MOST_UPLOADERS
        client = CheapClient(self._service.port, token)
        await asyncio.sleep(dice.random() * self._every)
        while time.monotonic() < self._end:
            if uploads:
                job = await self._upload(client) or job
            begun = time.perf_counter()
            status, _ = self._noted("poll", await client.get(f"/api/v1/jobs/{job}"))
            if status == 200 and time.monotonic() > self._warm:
                self.seen.polls.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(dice.uniform(0, 2 * self._every))
        client.close()

    async def _upload(self, client: CheapClient) -> str | None:
        """The id of a new job on a new video."""
        status, video = self._noted("upload", await client.post("/api/v1/videos", "video/mp4", self._sample))
        if status != 201:
            return None
        body = json.dumps({"video_id": json.loads(video)["id"]}).encode()
        status, job = self._noted("job", await client.post("/api/v1/jobs", "application/json", body))
        return str(json.loads(job)["id"]) if status == 202 else None

    def _noted(self, what: str, answer: tuple[int, bytes]) -> tuple[int, bytes]:
        self.seen.answers[what, answer[0]] += 1
        return answer


def _cpu(processes: Sequence[psutil.Process]) -> float:
    """Seconds of CPU of processes so far, and of their children that have ended: decoders live as long as a chunk."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # counted with its parent then
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def main(clients: int, seconds: float, every: float) -> int:
    """Run, print and keep the figures; 1 where an answer was wrong."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedMode().run(Path(folder)) as service:
        seen = asyncio.run(Crowd(service, ROOT / "samples/things.mp4", clients, seconds, every).run())
    figures = _told(seen, seconds)
    answers = {f"{what} {status}": count for (what, status), count in seen.answers.items()}
    record("load", {"clients": clients, "seconds": seconds, "every": every, "answers": answers, **figures})
    if seen.wrong:
        print(f"wrong answers: {dict(seen.wrong)}")
    return 1 if seen.wrong else 0


def _told(seen: Seen, seconds: float) -> dict[str, Any]:
    """The figures, which are printed as well. CPU of a role is that of all it does; a poll is most of what the api
    does, so that its time by the number of polls is a bound of what one costs."""
    rows = [[what, str(status), str(count)] for (what, status), count in sorted(seen.answers.items())]
    table(("request", "answer", "times"), rows)
    each = {role: 1000 * spent / len(seen.polls) for role, spent in seen.cpu.items()}
    print()
    cpu = [[role, f"{spent / seconds:.2f}", f"{each[role]:.2f}"] for role, spent in seen.cpu.items()]
    table(("CPU", "cores", "ms for each poll"), cpu)
    quantiles = {f"p{int(share * 100)}": seen.quantile(share) for share in (0.5, 0.95, 0.99)}
    told = ", ".join(f"{value:.0f} ms ({name})" for name, value in quantiles.items())
    print(f"\n{len(seen.polls) / seconds:.0f} polls a second; one took {told}; goal {GOAL_MS} ms (p99)")
    return {"poll_ms": quantiles, "cpu_seconds": seen.cpu, "cpu_ms_per_poll": each}


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1] or 200), float(sys.argv[2] or 60), float(sys.argv[3] or POLL_SECONDS)))
