"""Jobs that keep the detectors of a deployment busy, and the owners of their chunks' leases."""

import time
from pathlib import Path
from typing import Any

import redis

from contracts.results.postgres.schema import SCHEMA
from contracts.results.urls import is_redis
from tests.support.deployments.deployment import Deployment, Part
from tests.support.servers.postgres_results import ask


class Work:
    """Jobs on the sample, as many as needed, and the detectors that work on them."""

    def __init__(self, deployment: Deployment, sample: Path) -> None:
        self._deployment = deployment
        self._client = deployment.client()
        self._video = self._client.upload(sample)
        settings = deployment.settings()
        self._results = settings.result_store_url
        self._redis = redis.Redis.from_url(settings.coordination_url)
        self._jobs: list[dict[str, Any]] = []

    def __enter__(self) -> "Work":
        return self

    def __exit__(self, *_: object) -> None:
        self._redis.close()

    def until_in_hand(self, *parts: Part) -> None:
        """Keep jobs running until each of these detectors has leased a chunk; the last one still has it."""
        deadline, missing = time.monotonic() + 300, {part.pid for part in parts}
        while missing:
            assert time.monotonic() < deadline, f"got no chunk: {missing}"
            if all(self._client.job(job)["finished_at"] for job in self._jobs[-2:]):
                self._jobs.append(self._client.start(self._video))
            end = time.monotonic() + 0.2
            while missing and time.monotonic() < end:
                missing -= self._owners()
                time.sleep(0.01)

    def results(self) -> set[bytes]:
        """The result files of all jobs, once they have ended."""
        done = [self._client.wait(job) for job in self._jobs]
        assert [job["state"] for job in done] == ["succeeded"] * len(done), done
        return {self._deployment.result_bytes(job) for job in done}

    def _owners(self) -> set[int]:
        """Process ids of the current lease owners."""
        if is_redis(self._results):
            keys = list(self._redis.scan_iter(match="wd:job:*:lease:*", count=1000))
            values: Any = self._redis.mget(keys) if keys else []
            owners = [value.decode() for value in values if value]
        else:
            held = ask(self._results, f"SELECT owner FROM {SCHEMA}.lease WHERE expires_at > now()")
            owners = [owner for (owner,) in held]
        return {int(owner.split(":")[1]) for owner in owners}
