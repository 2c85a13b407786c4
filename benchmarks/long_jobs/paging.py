"""The answers that a page asks for, made in a process of their own.

    python -m benchmarks.long_jobs.paging look|keep < {"settings": ..., "job": ..., "rounds": ...}

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

from api.results.appearances import AppearanceQuery, find
from api.results.export_formats import FORMATS
from api.results.exports.export import Export
from api.results.paging import frame_lines, read_page
from api.results.selection import Query, Selection
from api.results.series import read_series, span_of, to_document
from api.results.sources import Frames, StoredChunks
from benchmarks.service.peak import peak_mb
from contracts.database.engine import open_database
from contracts.database.tables import Job, Video
from contracts.results.filed_frames import FiledFrames
from contracts.results.open import open_result_store
from contracts.results.result_file import ResultFile
from contracts.settings.table import Settings
from contracts.storage.open import open_storage
from contracts.storage.port import Storage, result_key

WINDOW_MS = 5000

Figures = dict[str, Any]


def series(frames: Frames, **query: Any) -> bytes:
    """Objects per label over the whole time, in 500 buckets."""
    span = span_of(frames, None, None, 500, True)
    asked = Query(from_ms=span.from_ms, to_ms=span.to_ms, **query)
    counted, waiting = read_series(frames, Selection(asked, frames.header), span)
    return msgspec.json.encode(to_document(frames, counted, waiting, True))


def window(frames: Frames, from_ms: float) -> bytes:
    """The frames of some seconds, with all their objects."""
    selection = Selection(Query(from_ms=from_ms, to_ms=from_ms + WINDOW_MS), frames.header)
    page = read_page(frames, selection, 0, 500, True)
    return b",".join(line for block in page.blocks for line in frame_lines(block, frames.header))


def appearances(frames: Frames, limit: int, **query: Any) -> bytes:
    """Stretches of one label."""
    found = find(frames, AppearanceQuery(label=frames.header.labels[3], **query), limit)
    return msgspec.json.encode(found)


def look(settings: Settings, job: Job, rounds: int) -> Figures:
    """Each answer from both places, by turns; a first round is not counted."""
    store, storage = open_result_store(settings.result_store_url, settings.result_ttl_seconds), open_storage(settings)
    layout = store.get_layout(job.id)
    assert layout is not None
    places: dict[str, Callable[[], Any]] = {
        "file": lambda: _from_file(storage, job),
        "store": lambda: StoredChunks(store, job.id, layout),
    }
    with closing(_from_file(storage, job)) as frames:
        middle = frames.header.media.duration_ms / 2
    answers: dict[str, Callable[[Frames], bytes]] = {
        "series": series,
        "series, min_score": lambda frames: series(frames, min_score=0.6),
        "5 s at the start": lambda frames: window(frames, 0),
        "5 s in the middle": lambda frames: window(frames, middle),
        "5 s at the end": lambda frames: window(frames, 2 * middle - WINDOW_MS),
        "next appearance": lambda frames: appearances(frames, 1, from_ms=middle),
        "previous appearance": lambda frames: appearances(frames, 1, from_ms=middle, backwards=True),
        "100 appearances": lambda frames: appearances(frames, 100),
        "none in all frames": lambda frames: appearances(frames, 1, min_score=1.0),
    }
    spent: dict[str, dict[str, list[float]]] = {place: {name: [] for name in answers} for place in places}
    sizes: dict[str, int] = {}
    for _ in range(rounds + 1):
        for name, make in answers.items():
            digests = set()
            for place, opened in places.items():
                began = time.perf_counter()
                with closing(opened()) as frames:
                    body = make(frames)
                spent[place][name].append(1000 * (time.perf_counter() - began))
                digests.add(hashlib.sha256(body).hexdigest())
                sizes[name] = len(body)
            assert len(digests) == 1, f"{name}: store and file differ"
    counted = {place: {name: values[1:] for name, values in named.items()} for place, named in spent.items()}
    return {"ms": counted, "bytes": sizes, "peak_mb": peak_mb()}


def keep(settings: Settings, job: Job, video: Video) -> Figures:
    """Each form of export, from the file, but for those that need tracks."""
    forms = {}
    for name, form in FORMATS.items():
        if form.needs_tracks:
            continue
        size, began = 0, time.perf_counter()
        with closing(_from_file(open_storage(settings), job)) as frames:
            for piece in form.write(Export(job, video, frames, Selection(Query(), frames.header))):
                size += len(piece)
        forms[name] = {"seconds": time.perf_counter() - began, "bytes": size}
    return {"forms": forms, "peak_mb": peak_mb()}


def _from_file(storage: Storage, job: Job) -> FiledFrames:
    return FiledFrames(ResultFile(storage.open(result_key(job.video_id, job.id))))


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    settings = msgspec.convert(asked["settings"], Settings)
    with Session(open_database(settings.database_url)) as session:
        job = session.get_one(Job, asked["job"])
        video = session.get_one(Video, job.video_id)
    print(json.dumps(look(settings, job, asked["rounds"]) if sys.argv[1] == "look" else keep(settings, job, video)))
