"""Very many clients at once: how long a poll takes while others poll and upload, and jobs run.

    make bench-load [CLIENTS=200] [SECONDS=60]

Embedded mode, as it comes, and beside it clients in a process of their own, some to a user. Each asks for its job
once a second on average, at moments of its own: were they a second apart, all whom something held up once would ask
together from then on. One of every twenty uploads the sample and starts a job on it, over and over. The clients share
the machine with the service. An answer other than 2xx and 429 is a failure. The first seconds, in which all connect and
the processes of the api make much of what they then keep, are not in the times.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpcore2

from benchmarks.report import record, table
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import ROOT

POLL_SECONDS = 1.0
USERS = 20
UPLOADERS = 20  # one of so many clients
GOAL_MS = 250
WARM_UP_SECONDS = 5


@dataclass
class Seen:
    """Milliseconds of polls, and how often which answer came to what."""

    polls: list[float] = field(default_factory=list)
    answers: "Counter[tuple[str, int]]" = field(default_factory=Counter)

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

    def __init__(self, service: Embedded, sample: Path, clients: int, seconds: float) -> None:
        self.seen = Seen()
        self._url = service.url
        self._sample = sample.read_bytes()
        self._clients = clients
        self._seconds = seconds
        users = [service.client() for _ in range(min(USERS, clients))]
        # Each user has a job that has not ended for long.
        self._users = [(user.tokens["access_token"], self._first(user, sample)) for user in users]

    @staticmethod
    def _first(user: Any, sample: Path) -> str:
        return str(user.start(user.upload(sample))["id"])

    async def run(self) -> Seen:
        """All of them, until the time is over."""
        self._warm = time.monotonic() + WARM_UP_SECONDS
        self._end = self._warm + self._seconds
        await asyncio.gather(*(self._client(number) for number in range(self._clients)))
        return self.seen

    async def _client(self, number: int) -> None:
        # A pool for all would look through all of its connections for each request.
        async with httpcore2.AsyncConnectionPool(max_connections=1) as pool:
            await self._go_on(pool, number)

    async def _go_on(self, pool: httpcore2.AsyncConnectionPool, number: int) -> None:
        dice = random.Random(number)  # noqa: S311  (the same in every run)
        token, job = self._users[number % len(self._users)]
        await asyncio.sleep(dice.random() * POLL_SECONDS)
        while time.monotonic() < self._end:
            if number % UPLOADERS == 0:
                job = await self._upload(pool, token) or job
            begun = time.perf_counter()
            status, _ = await self._ask(pool, "poll", "GET", f"/api/v1/jobs/{job}", token)
            if status == 200 and time.monotonic() > self._warm:
                self.seen.polls.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(dice.uniform(0, 2 * POLL_SECONDS))

    async def _upload(self, pool: httpcore2.AsyncConnectionPool, token: str) -> str | None:
        """The id of a new job on a new video."""
        status, video = await self._ask(pool, "upload", "POST", "/api/v1/videos", token, self._sample, "video/mp4")
        if status != 201:
            return None
        body = json.dumps({"video_id": json.loads(video)["id"]}).encode()
        status, job = await self._ask(pool, "job", "POST", "/api/v1/jobs", token, body, "application/json")
        return str(json.loads(job)["id"]) if status == 202 else None

    async def _ask(
        self,
        pool: httpcore2.AsyncConnectionPool,
        what: str,
        method: str,
        path: str,
        token: str,
        content: bytes | None = None,
        kind: str = "",
    ) -> tuple[int, bytes]:
        headers = [("Host", "127.0.0.1"), ("Authorization", f"Bearer {token}")]
        if content is not None:
            headers += [("Content-Type", kind), ("Content-Length", str(len(content)))]
        answer = await pool.request(method, self._url + path, headers=headers, content=content)
        self.seen.answers[what, answer.status] += 1
        return answer.status, answer.content


def main(clients: int, seconds: float) -> int:
    """Run, print and keep the figures; 1 where an answer was wrong."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedMode().run(Path(folder)) as service:
        seen = asyncio.run(Crowd(service, ROOT / "samples/things.mp4", clients, seconds).run())
    quantiles = {f"p{int(share * 100)}": seen.quantile(share) for share in (0.5, 0.95, 0.99)}
    rows = [[what, str(status), str(count)] for (what, status), count in sorted(seen.answers.items())]
    table(("request", "answer", "times"), rows)
    print(
        f"a poll took {', '.join(f'{value:.0f} ms ({name})' for name, value in quantiles.items())}; goal {GOAL_MS} ms"
    )
    answers = {f"{what} {status}": count for (what, status), count in seen.answers.items()}
    record("load", {"clients": clients, "seconds": seconds, "answers": answers, "poll_ms": quantiles})
    if seen.wrong:
        print(f"wrong answers: {dict(seen.wrong)}")
    return 1 if seen.wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1] or 200), float(sys.argv[2] or 60)))
