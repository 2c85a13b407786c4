"""What is left to track when a job ends: of one that was tracked while it ran, and of one that was not.

    python -m benchmarks.long_jobs.tracks_along [FRAMES=90000] [OBJECTS=10]

The service's own code on SQLite, a Valkey and a folder. The chunks come one after the other, and each time what is
finished is tracked, up to the last but two: those that are done when nothing more is sent. Seconds of wall time and of
CPU from the end of the merge to the state `ready`; the bytes of both must be the same.
"""

import hashlib
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec

from benchmarks.long_jobs.bigjob import fill, queue, settings_in
from benchmarks.long_jobs.merge import step
from benchmarks.report import record, table
from contracts.results.tracks import TracksState, TracksStep
from contracts.storage.port import tracks_key
from contracts.wire.messages import from_json
from contracts.workers.celery_app import create_celery
from processor.context import Services
from processor.jobs.advance import follow_up
from processor.tracking import tracking
from processor.tracking.tracking import track_job
from processor.worker import build
from tests.support.servers.valkey import Valkey

LEFT = 2

Figures = dict[str, Any]


class _Growing:
    """The result store as if only the first chunks were there."""

    def __init__(self, store: Any) -> None:
        self._store, self.done = store, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def chunk_indexes(self, job_id: str) -> frozenset[int]:
        return frozenset(range(self.done))


def measure(frames: int, objects: int, along: bool) -> Figures:
    """A job from its plan to its tracks."""
    with tempfile.TemporaryDirectory(prefix="bench-along-") as folder, Valkey(Path(folder)) as valkey:
        settings = settings_in(Path(folder), valkey.broker_url, valkey.url)
        job_id = queue(settings, frames)
        step("plan", json.dumps({"settings": msgspec.to_builtins(settings), "job": job_id}))
        services = build(settings, create_celery(settings))
        filled = fill(services, job_id, objects)
        figures: Figures = {}
        if along:
            figures["along, CPU s"] = _track_along(services, job_id, filled.chunks - LEFT)
        began = time.perf_counter()
        assert follow_up(services, job_id)
        figures["merge, s"] = time.perf_counter() - began
        began, used = time.perf_counter(), time.process_time()
        while (job := services.repository.job(job_id)) and from_json(job.tracks, TracksState).state != TracksStep.READY:
            track_job(services, job_id)
        figures["after the end, s"] = time.perf_counter() - began
        figures["after the end, CPU s"] = time.process_time() - used
        assert job is not None
        key = tracks_key(job.video_id, job_id)
        with services.storage.open(key) as source:
            figures["sha256"] = hashlib.sha256(source.read()).hexdigest()
        figures["tracks"] = from_json(job.tracks, TracksState).tracks
        return figures


def _track_along(services: Services, job_id: str, chunks: int) -> float:
    used = time.process_time()
    store = _Growing(services.store)
    growing: Any = replace(services, store=store)
    more: list[str] = []
    with mock.patch.object(tracking, "send_tracking", lambda _, job: more.append(job)):
        for store.done in range(1, chunks + 1):
            track_job(growing, job_id)
            while more:
                more.clear()
                track_job(growing, job_id)
    return time.process_time() - used


def main(frames: int = 90_000, objects: int = 10) -> None:
    """Entry point."""
    runs = {name: measure(frames, objects, name == "along") for name in ("at the end", "along")}
    assert len({run["sha256"] for run in runs.values()}) == 1, "the tracks differ"
    print(f"{frames:,} frames, {objects} objects in each, {runs['along']['tracks']:,} tracks")
    names = [name for name in runs["along"] if name not in ("sha256", "tracks")]
    rows = [(name, *(f"{run[name]:.2f}" if name in run else "-" for run in runs.values())) for name in names]
    table(("what", *runs), rows)
    record("tracks along", {"frames": frames, "objects": objects, **runs})


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
