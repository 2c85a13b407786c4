"""What is too old goes, what belongs to nothing goes, and nothing else."""

import errno
import json
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contracts.coordination import names
from contracts.coordination.deleted_jobs import RETENTION, DeletedJobs
from contracts.database.tables import AuditEvent, Base, Job, Recording, Rendition, Stream, Upload, Video, new_id, utcnow
from contracts.storage.local import LocalStorage
from contracts.storage.port import (
    Stretch,
    clip_key,
    index_key,
    plan_key,
    reel_key,
    rendition_key,
    result_key,
    video_key,
)
from contracts.wire.renditions import rendition_id
from processor.housekeeping import inventory
from processor.housekeeping.cleanup import remove_old_and_orphaned
from processor.housekeeping.inventory import DataStores
from processor.housekeeping.orphans import Orphan, orphans, remove, sweep
from processor.housekeeping.retention import expire, expired
from processor.periodic import clean_up
from tests.support.operator_command import command
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import Clip, clip


@pytest.fixture(scope="module")
def small() -> Clip:
    return clip(frames=30)


@pytest.fixture
def desk(tmp_path: Path, valkey: Valkey) -> Iterator[InProcessProcessor]:
    made = InProcessProcessor(tmp_path, valkey, RETENTION_VIDEO_DAYS=30, RETENTION_RESULT_DAYS=7)
    with redis.Redis.from_url(made.settings.coordination_url) as client:
        client.flushdb()
    yield made
    made.close()


@pytest.fixture
def stores(desk: InProcessProcessor) -> Iterator[DataStores]:
    with redis.Redis.from_url(desk.settings.coordination_url) as client:
        yield DataStores(desk.inventory, desk.services.storage, desk.services.store, DeletedJobs(client))


def grow_old(desk: InProcessProcessor) -> None:
    """As if all that is stored had been written long ago."""
    for path in desk.storage.rglob("*"):
        os.utime(path, (0, 0))


def rows(desk: InProcessProcessor) -> dict[str, int]:
    with Session(desk.engine) as session:
        counted = {
            table.name: session.scalars(select(func.count()).select_from(table)).one()
            for table in Base.metadata.sorted_tables
        }
    return {name: count for name, count in counted.items() if count}


def test_only_expired_data_is_removed(desk: InProcessProcessor, stores: DataStores, small: Clip) -> None:
    old, new, used, busy = (desk.add_video(small, days_old=days) for days in (40, 3, 90, 50))
    gone = desk.add_job(old, days_old=39)
    stale, fresh = desk.add_job(new, days_old=8), desk.add_job(new, days_old=1)
    kept = desk.add_job(used, days_old=2)  # an old video of which something was wanted of late
    running = desk.start_job(busy)

    told = {(item.kind, item.id) for item in expired(stores, desk.settings)}
    assert told == {("video", old.id), ("job", gone.id), ("job", stale.id)}
    assert rows(desk)["videos"] == 4, "a dry run removes nothing"
    assert {item.id for item in expire(stores, desk.settings)} == {old.id, stale.id}
    assert expire(stores, desk.settings) == []

    ids = {new.id, used.id, busy.id}
    assert {path.split("/")[1] for path in desk.files()} == ids
    assert not desk.result(stale).exists()
    assert [desk.result(job).exists() for job in (fresh, kept)] == [True, True]
    assert desk.job(running.id).state == "running"
    assert desk.services.store.chunk_indexes(gone.id) == frozenset()
    assert desk.services.store.chunk_indexes(fresh.id)
    with Session(desk.engine) as session:
        assert set(session.scalars(select(Video.id))) == ids
        assert set(session.scalars(select(Job.id))) == {fresh.id, kept.id, running.id}
        events = {(event.action, event.subject) for event in session.scalars(select(AuditEvent))}
    assert events == {("video.expired", old.id), ("job.expired", stale.id)}
    assert stores.deleted_jobs is not None
    since = stores.deleted_jobs.since([desk.user], utcnow() - RETENTION)
    assert {job_id for _, job_id in since} == {gone.id, stale.id}, "those who listen are told"


def test_reels_whose_time_is_over_are_removed(desk: InProcessProcessor, stores: DataStores, small: Clip) -> None:
    video = desk.add_video(small)
    over, other = (reel(desk, video, hours) for hours in (-1, 1))
    assert [(item.kind, item.id) for item in expired(stores, desk.settings)] == [("reel", over)]
    assert [(item.kind, item.id) for item in expire(stores, desk.settings)] == [("reel", over)]
    assert [path for path in desk.files() if path.startswith("reels/")] == [reel_key(other)]
    assert list(expired(stores, desk.settings)) == []


def reel(desk: InProcessProcessor, video: Video, hours: float) -> str:
    """A reel that expires in so many hours."""
    fields = {"user_id": desk.user, "video_id": video.id, "options": {}, "state": "ready"}
    row = Rendition(id=new_id(), kind="reel", expires_at=utcnow() + timedelta(hours=hours), **fields)
    desk.add(row)
    put(desk, reel_key(row.id))
    return row.id


def test_without_limits_everything_is_kept(tmp_path: Path, valkey: Valkey, small: Clip) -> None:
    desk = InProcessProcessor(tmp_path, valkey)
    video = desk.add_video(small, days_old=36_000)
    desk.add_job(video, days_old=36_000)
    stores = DataStores(desk.inventory, desk.services.storage, None, None)
    assert [*expired(stores, desk.settings), *expire(stores, desk.settings)] == []
    desk.close()


def test_job_started_meanwhile_keeps_its_expired_video(
    desk: InProcessProcessor, stores: DataStores, small: Clip
) -> None:
    video = desk.add_video(small, days_old=40)
    (found,) = desk.inventory.old_videos(utcnow())
    desk.start_job(video)
    assert desk.inventory.delete_video(found, utcnow()) is None
    assert rows(desk)["videos"] == 1


def test_old_videos_are_looked_at_in_parts(
    desk: InProcessProcessor, small: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "_LOOKED_AT", 2)
    videos = [desk.add_video(small, days_old=44 - number) for number in range(5)]
    for kept in (videos[0], videos[1], videos[3]):  # all of the first part
        desk.add_job(kept)
    before = utcnow() - timedelta(days=30)
    assert [video.id for video in desk.inventory.old_videos(before)] == [videos[2].id, videos[4].id]


def put(desk: InProcessProcessor, key: str) -> str:
    with desk.services.storage.create(key) as sink:
        sink.write(b"left over")
    return key


def test_only_orphans_are_removed(desk: InProcessProcessor, stores: DataStores, small: Clip) -> None:
    video = desk.add_video(small)
    job, running = desk.add_job(video), desk.start_job(video)
    refused = Video(
        user_id=desk.user, content_type="video/mp4", tags=[], size_bytes=1, sha256="-", refused="it is no video"
    )
    upload = Upload(user_id=desk.user, size_bytes=10, facts={}, expires_at=utcnow())
    desk.change(Rendition, rendition_id(video.id, None, "poster"), state="ready")  # the probe has asked for it
    for row in (refused, upload):
        desk.add(row)
    put(desk, rendition_key(video.id, None, "poster"))
    stranger, lost = new_id(), new_id()
    good = desk.files()
    pieces = desk.services.storage.resumable()
    for key in (video_key(upload.id), video_key(stranger)):
        with pieces.append(key) as sink:
            sink.write(b"half")
    strange = [put(desk, "notes/of-somebody-else"), put(desk, f"videos/{video.id}/jobs/{job.id}/unknown")]
    left = [
        video_key(stranger),  # in pieces
        *(put(desk, key) for key in (index_key(stranger), result_key(stranger, lost), video_key(lost))),
        put(desk, result_key(video.id, lost)),
        put(desk, plan_key(video.id, job.id)),  # of a job that has ended
        put(desk, rendition_key(video.id, job.id, "annotated")),  # that nobody asked for
        *(put(desk, key) for key in (clip_key(video.id, lost), reel_key(lost))),
        put(desk, video_key(refused.id)),
    ]
    assert list(orphans(stores, 3600)) == [], "what is new may get its row in a moment"
    grow_old(desk)
    found = list(orphans(stores, 3600))
    assert sorted(item.name for item in found) == sorted(left)
    assert list(remove(stores, found)) == found
    assert list(orphans(stores, 3600)) == []
    assert sorted([*good, *strange, f"videos/{upload.id}/.grow-content"]) == desk.files()
    assert (desk.storage / plan_key(video.id, running.id)).exists()


def test_results_of_no_job_are_removed_once_idle(desk: InProcessProcessor, stores: DataStores, small: Clip) -> None:
    job = desk.add_job(desk.add_video(small))
    lost = new_id()
    store = desk.services.store
    store.put_chunk(lost, 0, b"late")
    grow_old(desk)
    assert Orphan("results", lost) not in list(orphans(stores, 3600))
    time.sleep(1.1)
    found = [item for item in orphans(stores, 1) if item.kind == "results"]
    assert found == [Orphan("results", lost)]
    list(remove(stores, found))
    assert (store.has_chunk(lost, 0), store.has_chunk(job.id, 0)) == (False, True)


def test_a_sweep_stops_when_its_time_is_over_and_goes_on_there(
    desk: InProcessProcessor, small: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contracts.storage.local.STRETCH", 3)
    monkeypatch.setattr("processor.housekeeping.cleanup._SECONDS", 0)
    kept = desk.add_video(small)
    (desk.storage / os.fsdecode(b"videos/\xff")).write_bytes(b"another's, whose name is not UTF-8")
    good = desk.files()
    for _ in range(4):
        put(desk, video_key(new_id()))
    partial = desk.storage / f"videos/{kept.id}/.part-killed"
    partial.write_bytes(b"half")
    grow_old(desk)
    places, left = [], []
    while remove_old_and_orphaned(desk.services):
        places.append(desk.services.coordination.place(names.HOUSEKEEPING))
        left.append(len(desk.files()))
        assert len(places) < 20
    assert places == sorted(places), "each turn goes on where the one before it stopped"
    assert max(before - after for before, after in pairwise(left)) <= 3, "a stretch is a turn"
    assert desk.files() == good
    assert desk.services.coordination.place(names.HOUSEKEEPING) == "", "the next one begins anew"


def test_a_turn_of_the_sweep_begins_when_the_names_of_a_folder_are_read(
    desk: InProcessProcessor, stores: DataStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]

    class Slow(LocalStorage):
        def walk(self, *arguments: Any, **options: Any) -> Iterator[Stretch]:
            clock[0] += 100
            return super().walk(*arguments, **options)

    left = [put(desk, video_key(new_id())) for _ in range(3)]
    monkeypatch.setattr("processor.housekeeping.orphans.time", SimpleNamespace(monotonic=lambda: clock[0]))
    slow = DataStores(stores.inventory, Slow(desk.settings.storage_path), None, None)
    assert sweep(slow, 0, 0, "", 5).orphans >= len(left)
    assert not set(left) & set(desk.files())


@pytest.mark.parametrize("seconds", [0, 60])
def test_what_cannot_be_removed_does_not_stop_the_sweep(
    desk: InProcessProcessor, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """As files that another user of the system owns."""
    monkeypatch.setattr("contracts.storage.local.STRETCH", 3)
    monkeypatch.setattr("processor.housekeeping.cleanup._SECONDS", seconds)
    videos = sorted(new_id() for _ in range(6))
    for video in videos:
        put(desk, video_key(video))
    first = desk.storage / video_key(videos[0])
    partial = first.with_name(".part-killed")
    partial.write_bytes(b"half")
    grow_old(desk)
    unlink = Path.unlink

    def guarded(path: Path, missing_ok: bool = False) -> None:
        if path in (first, partial):
            raise PermissionError(errno.EACCES, "Permission denied")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", guarded)
    for _ in range(2):  # what was behind it in its stretch may be for the next sweep
        turns = 0
        while remove_old_and_orphaned(desk.services):
            turns += 1
            assert turns < 20
        assert desk.services.coordination.place(names.HOUSEKEEPING) == ""
    assert len(desk.files()) == (2 if seconds else 3)


def test_clean_up_runs_once_an_hour(desk: InProcessProcessor, small: Clip) -> None:
    old = desk.add_video(small, days_old=40)
    stray = put(desk, video_key(new_id()))
    grow_old(desk)
    clean_up(desk.services)
    assert not any(old.id in path for path in desk.files())
    assert stray not in desk.files(), "orphans do not wait until nothing is too old"
    stray = put(desk, video_key(new_id()))
    grow_old(desk)
    clean_up(desk.services)
    assert stray in desk.files(), "another processor has had this turn"
    desk.services.coordination.release(names.HOUSEKEEPING)
    clean_up(desk.services)
    assert desk.files() == []


def add_recording(desk: InProcessProcessor, *, days_old: float) -> str:
    """One of which no video could be made, of a stream that keeps a day."""
    stream = Stream(user_id=desk.user, name="Gate", kind="rtsp", model="m", options={}, record={"keep_days": 1})
    desk.add(stream)
    began = utcnow() - timedelta(days=days_old)
    row = Recording(
        id=new_id(),
        stream_id=stream.id,
        source_id=stream.id,
        user_id=desk.user,
        state="failed",
        start=0,
        instance="a",
        started_at=began,
    )
    desk.add(row)
    return row.id


def test_commands_list_what_they_would_remove(desk: InProcessProcessor, small: Clip) -> None:
    old = desk.add_video(small, days_old=40)
    recording = add_recording(desk, days_old=2)
    add_recording(desk, days_old=0.5)
    stray = put(desk, video_key(new_id()))
    grow_old(desk)
    dry = command(desk.environ, "retention", "--dry-run")
    assert (dry.returncode, dry.stdout.splitlines()[-1]) == (0, "2 would be removed"), dry.stderr
    assert f"video  {old.id}  " in dry.stdout
    assert f"recording  {recording}  " in dry.stdout
    assert command(desk.environ, "orphans", "--dry-run").stdout == f"object  {stray}\n1 would be removed\n"
    assert len(desk.files()) > 1
    assert [json.loads(line)["id"] for line in command(desk.environ, "retention", "--json").stdout.splitlines()] == [
        old.id,
        recording,
    ]
    # Without the servers' addresses, as where embedded mode does not run.
    alone = {name: desk.environ[name] for name in ("DATA_DIR",)}
    done = command(alone, "orphans", "--hours", "1")
    assert done.stdout == f"object  {stray}\n1 were removed\n"
    assert "the service does not run" in done.stderr
    assert desk.files() == []
    unlimited = command(alone, "retention")
    assert unlimited.stdout == "0 were removed\n"
    assert "only recordings of streams expire" in unlimited.stderr
