"""One step of a big job in a process of its own, so that its time and its peak of memory are its own.

    python -m benchmarks.long_jobs.merging plan|merge|read < {"settings": ..., "job": ...}

Prints its figures as JSON.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from benchmarks.service.peak import now_mb, peak_mb
from contracts.database.engine import open_database
from contracts.database.tables import Job
from contracts.results.open import open_result_store
from contracts.settings.table import Settings
from contracts.storage.open import open_storage
from contracts.storage.port import result_key

PAGE_FRAMES = 500

Figures = dict[str, Any]


def plan(settings: Settings, job_id: str) -> Figures:
    """processor.jobs.planning.process_video, the chord with its tasks included."""
    from contracts.workers.celery_app import create_celery
    from processor.jobs.planning import process_video
    from processor.worker import build

    services = build(settings, create_celery(settings))
    before, began = now_mb(), time.perf_counter()
    process_video(services, job_id)
    return {"seconds": time.perf_counter() - began, "before_mb": before, "peak_mb": peak_mb()}


def merge(settings: Settings, job_id: str) -> Figures:
    """processor.jobs.advance.follow_up, as the task calls it."""
    from contracts.workers.celery_app import create_celery
    from processor.jobs.advance import follow_up
    from processor.worker import build

    services = build(settings, create_celery(settings))
    before, began = now_mb(), time.perf_counter()
    assert follow_up(services, job_id), "the job is not ready to be merged"
    seconds, peak = time.perf_counter() - began, peak_mb()
    job = services.repository.job(job_id)
    assert job is not None
    key, digest = result_key(job.video_id, job.id), hashlib.sha256()
    with services.storage.open(key) as source:
        while piece := source.read(1024 * 1024):
            digest.update(piece)
    return {
        "seconds": seconds,
        "before_mb": before,
        "peak_mb": peak,
        "state": job.state,
        "summary": job.summary,
        "sha256": digest.hexdigest(),
        "bytes": services.storage.size(key),
    }


def read(settings: Settings, job_id: str) -> Figures:
    """The first, a middle and the last page, and all lines, by the api's reading code from both places."""
    from api.results.paging import frame_lines, read_page
    from api.results.selection import Query, Selection
    from api.results.sources import StoredChunks
    from api.routes.results import lines
    from contracts.results.filed_frames import FiledFrames
    from contracts.results.result_file import ResultFile

    with Session(open_database(settings.database_url)) as session:
        job = session.get_one(Job, job_id)
    store, storage = open_result_store(settings.result_store_url, settings.result_ttl_seconds), open_storage(settings)
    layout = store.get_layout(job.id)
    assert layout is not None
    query = Query()

    def from_file() -> FiledFrames:
        return FiledFrames(ResultFile(storage.open(result_key(job.video_id, job.id))))

    def page(opened: Callable[[], Any], first: int) -> tuple[float, str]:
        began = time.perf_counter()
        with closing(opened()) as frames:
            found = read_page(frames, Selection(query, frames.header), first, PAGE_FRAMES, True)
            body = b",".join(line for block in found.blocks for line in frame_lines(block, frames.header))
        seconds = time.perf_counter() - began
        assert sum(len(block) for block in found.blocks) == PAGE_FRAMES
        return seconds, hashlib.sha256(body).hexdigest()

    total = job.summary["frames"] if job.summary else 0
    places: dict[str, Callable[[], Any]] = {"store": lambda: StoredChunks(store, job.id, layout), "file": from_file}
    starts = {"first": 0, "middle": total // 2, "last": total - PAGE_FRAMES}
    pages: dict[str, list[float]] = {f"{name} page, {place}": [] for name in starts for place in places}
    for _ in range(7):  # interleaved, and the first round is not counted
        for name, start in starts.items():
            answers = {place: page(opened, start) for place, opened in places.items()}
            assert len({body for _, body in answers.values()}) == 1, "store and file differ"
            for place, (seconds, _) in answers.items():
                pages[f"{name} page, {place}"].append(seconds)
    figures: Figures = {"pages": {name: values[1:] for name, values in pages.items()}, "lines": {}}
    digests = set()
    for place, opened in places.items():
        count, size, digest, began = 0, 0, hashlib.sha256(), time.perf_counter()
        with closing(opened()) as frames:
            for piece in lines(frames, Selection(query, frames.header), 0, None, True):
                count, size = count + piece.count(b"\n"), size + len(piece)
                digest.update(piece)
        seconds = time.perf_counter() - began
        assert count == total
        digests.add(digest.hexdigest())
        figures["lines"][place] = {"seconds": seconds, "lines": count, "bytes": size}
    assert len(digests) == 1, "store and file differ"
    return {**figures, "peak_mb": peak_mb()}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    step = {"plan": plan, "merge": merge, "read": read}[sys.argv[1]]
    print(json.dumps(step(msgspec.convert(asked["settings"], Settings), asked["job"])))
