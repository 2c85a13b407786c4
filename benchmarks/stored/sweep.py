"""The sweep of a storage with very many objects: what a turn of it takes, in a folder and in a bucket.

    make bench-sweep [OBJECTS=100000] [IN_BUCKET=2000]

The objects are those of jobs that ended, five of each video, with their rows in SQLite: none is an orphan, and all are
looked up. They have no content. What is measured is the processor's own code: the beginning of a turn in the middle,
which reads the names of a folder; turns of 5 seconds of the clock until all is looked at; and the memory of this
process. The bucket is that of the server that tests use, in a process of its own.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.report import full, record, table
from benchmarks.stored.loading import load
from benchmarks.stored.rows import Stored, id_of
from contracts.database.engine import open_database
from contracts.database.tables import Job, Rendition, User, Video, utcnow
from contracts.storage.local import LocalStorage
from contracts.storage.port import Storage, index_key, rendition_key, result_key, tracks_key, video_key
from processor.housekeeping.inventory import DataStores, Inventory
from processor.housekeeping.orphans import sweep
from tests.support.servers.s3 import Bucket, ObjectStore

OF_A_VIDEO = 5
_TURN_SECONDS = 5
_TABLES = (User, Video, Job, Rendition)


@dataclass(frozen=True)
class Found:
    """A sweep. begin: seconds until a turn in the middle has its first objects. turns, longest: how many, and seconds
    of the longest one. each: processor seconds of this process for an object. grown: bytes of its memory at most, more
    than before."""

    objects: int
    begin: float
    turns: int
    longest: float
    each: float
    grown: int


def keys(videos: int) -> Iterator[str]:
    """Of all objects of so many videos, each with one job."""
    for number in range(videos):
        video, job = id_of("video", number), id_of("job", number)
        yield from (video_key(video), index_key(video), rendition_key(video, None, "poster"))
        yield from (result_key(video, job), tracks_key(video, job))


def fill_folder(folder: Path, videos: int) -> LocalStorage:
    """Empty files, without the syncs of real ones."""
    for key in keys(videos):
        path = f"{folder}/{key}"
        try:
            handle = os.open(path, os.O_CREAT | os.O_WRONLY)
        except FileNotFoundError:
            os.makedirs(path.rpartition("/")[0])  # noqa: PTH103
            handle = os.open(path, os.O_CREAT | os.O_WRONLY)
        os.close(handle)
    return LocalStorage(folder)


def fill_bucket(bucket: Bucket, videos: int) -> Storage:
    """Empty objects."""
    for key in keys(videos):
        bucket.store.client.put_object(Bucket=bucket.name, Key=f"web/detector/{key}", Body=b"")
    return bucket.storage()


def swept(storage: Storage, engine: Engine, objects: int) -> Found:
    """Go through all of it, in turns."""
    stores, before = DataStores(Inventory(engine), storage, None, None), _peak()
    middle = video_key(sorted(id_of("video", number) for number in range(objects // OF_A_VIDEO))[objects // 10])
    began = time.perf_counter()
    list(islice(storage.walk(0, middle), 1))
    begin = time.perf_counter() - began
    times, spent, place = [], time.process_time(), ""
    while True:
        began = time.perf_counter()
        done = sweep(stores, 0, 3600, place, _TURN_SECONDS)
        times.append(time.perf_counter() - began)
        assert done.orphans == 0, "an object has no row"
        if done.place is None:
            break
        place = done.place
    each = (time.process_time() - spent) / objects
    return Found(objects, begin, len(times), max(times), each, _peak() - before)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def tables_of(folder: Path, videos: int) -> Engine:
    """SQLite with the rows of these objects."""
    engine = open_database(f"sqlite:///{folder / 'tables.sqlite'}", statement_seconds=None)
    load(engine, (filled for filled in Stored(videos, utcnow()).tables() if filled.table in _TABLES))
    return engine


def main(objects: int, in_bucket: int) -> None:
    """Entry point."""
    found = {}
    for count in (objects // 10, objects):  # the smaller one first: memory is that of the whole process
        with tempfile.TemporaryDirectory(prefix="bench-sweep-") as name:
            engine = tables_of(Path(name), count // OF_A_VIDEO)
            found[f"folder, {count:,} objects"] = swept(
                fill_folder(Path(name) / "stored", count // OF_A_VIDEO), engine, count
            )
            engine.dispose()
    with tempfile.TemporaryDirectory(prefix="bench-sweep-") as name, ObjectStore() as store:
        engine = tables_of(Path(name), in_bucket // OF_A_VIDEO)
        bucket = store.wait().bucket()
        found[f"bucket, {in_bucket:,} objects"] = swept(fill_bucket(bucket, in_bucket // OF_A_VIDEO), engine, in_bucket)
        engine.dispose()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    head = ("", "begin of a turn, s", "turns", "longest, s", "us of CPU an object", "memory, MB")
    table(
        head,
        [
            (
                name,
                f"{one.begin:.2f}",
                one.turns,
                f"{one.longest:.1f}",
                f"{one.each * 1e6:.0f}",
                f"{one.grown / 1e6:.0f}",
            )
            for name, one in found.items()
        ],
    )
    record("sweep", {name: vars(one) for name, one in found.items()})


if __name__ == "__main__":
    main(int(sys.argv[1] or (1_000_000 if full() else 100_000)), int(sys.argv[2] or 2000))
