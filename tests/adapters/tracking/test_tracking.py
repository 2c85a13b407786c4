"""Jobs that have ended get tracks: a file beside the result, then a state; whatever happens in between."""

import hashlib
import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import delete, null, select
from sqlalchemy.exc import ProgrammingError

from contracts.coordination import names
from contracts.database.tables import IndexedJob, Job, Video
from contracts.errors import StorageFull
from contracts.results import result_file, tracks_file
from contracts.results.result_file import ResultFile
from contracts.results.tracks import TrackerParameters, TracksState, TracksStep
from contracts.results.tracks_file import TracksFile
from contracts.storage.digest import sha256_of
from contracts.storage.port import plan_key, result_key, tracking_key, tracks_key
from contracts.storage.removal import remove_job_data
from contracts.wire.messages import from_json, to_json
from processor.housekeeping.inventory import DataStores
from processor.housekeeping.orphans import orphans, remove
from processor.operator.verify import Verifier
from processor.tracking import tracking, waiting
from processor.tracking.tracking import track_job
from processor.tracking.waiting import track_waiting
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.valkey import Valkey
from tests.support.videos.clips import clip

FRAMES = 300


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that were sent to be tracked."""
    jobs: list[str] = []
    monkeypatch.setattr(
        waiting, "track_signature", lambda _, job_id: SimpleNamespace(apply_async=lambda: jobs.append(job_id))
    )
    return jobs


@pytest.fixture
def job(desk: InProcessProcessor, video: Video, sent: list[str]) -> Iterator[Job]:
    """A job that has just ended."""
    ended = desk.add_job(video)
    assert sent == [ended.id]
    sent.clear()
    yield ended
    with desk.engine.begin() as connection:
        connection.execute(delete(Job))


def state(desk: InProcessProcessor, job: Job) -> TracksState:
    return from_json(desk.job(job.id).tracks, TracksState)


def content(desk: InProcessProcessor, job: Job) -> bytes:
    return (desk.storage / tracks_key(job.video_id, job.id)).read_bytes()


def again(desk: InProcessProcessor, job: Job, **parameters: Any) -> None:
    wanted = TracksState(TracksStep.QUEUED, TrackerParameters(**parameters))
    desk.change(Job, job.id, tracks=to_json(wanted))


def of_job(desk: InProcessProcessor, job: Job) -> list[str]:
    return [name for name in desk.files() if job.id in name]


def test_a_job_that_ends_is_tracked(desk: InProcessProcessor, job: Job) -> None:
    assert state(desk, job) == TracksState(TracksStep.QUEUED)
    track_job(desk.services, job.id)
    ready = state(desk, job)
    assert (ready.state, ready.tracker) == (TracksStep.READY, "web-detector 2")
    with (
        (desk.storage / tracks_key(job.video_id, job.id)).open("rb") as source,
        desk.result(job).open("rb") as detections,
    ):
        file, result = TracksFile(source), ResultFile(detections)
        assert file.header.parameters.start_score == pytest.approx(0.4)
        assert len(file) == ready.tracks == len(file.tracks()) > 0
        ids = [file.ids(position) for position in range(file.blocks)]
        assert [len(part) for part in ids] == [len(result.block(place).score) for place in range(len(result.starts))]
    counted = np.bincount(np.concatenate(ids))[1:]
    assert counted.tolist() == file_frames(desk, job)
    with desk.engine.connect() as connection:
        indexed = connection.scalars(select(IndexedJob.tracks).where(IndexedJob.job_id == job.id, IndexedJob.ready))
        assert indexed.all() == [ready.tracks]


def file_frames(desk: InProcessProcessor, job: Job) -> list[int]:
    with (desk.storage / tracks_key(job.video_id, job.id)).open("rb") as source:
        frames: list[int] = TracksFile(source).tracks().frames.tolist()
        return frames


def test_interrupted_tracking_goes_on_to_the_same_bytes(
    desk: InProcessProcessor, job: Job, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    track_job(desk.services, job.id)
    whole = content(desk, job)
    again(desk, job)
    monkeypatch.setattr(tracking, "SLICE_SECONDS", -1.0)
    track_job(desk.services, job.id)
    assert sent == [job.id]
    assert state(desk, job).state is TracksStep.QUEUED
    assert tracking_key(job.video_id, job.id) in desk.files()
    track_job(desk.services, job.id)
    assert state(desk, job).state is TracksStep.READY
    assert content(desk, job) == whole
    assert tracking_key(job.video_id, job.id) not in desk.files()


def test_a_digest_is_computed_once_and_takes_no_time_of_a_slice(
    desk: InProcessProcessor, job: Job, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, computed = [0.0], list[str]()

    def slow(storage: Any, key: str, tick: Any) -> tuple[str, int]:
        now[0] += 1000
        computed.append(key)
        return sha256_of(storage, key, tick)

    monkeypatch.setattr(tracking, "sha256_of", slow)
    monkeypatch.setattr(tracking, "time", SimpleNamespace(monotonic=lambda: now[0]))
    track_job(desk.services, job.id)
    assert (state(desk, job).state, sent) == (TracksStep.READY, [])
    whole = content(desk, job)
    again(desk, job)
    monkeypatch.setattr(tracking, "SLICE_SECONDS", -1.0)
    computed.clear()
    track_job(desk.services, job.id)
    track_job(desk.services, job.id)
    assert (len(computed), state(desk, job).state, content(desk, job)) == (1, TracksStep.READY, whole)


def test_a_result_that_is_replaced_while_it_is_tracked_is_tracked_from_its_start(
    desk: InProcessProcessor, job: Job, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "SLICE_SECONDS", -1.0)
    track_job(desk.services, job.id)
    monkeypatch.undo()
    with desk.result(job).open("rb") as source:
        old = ResultFile(source)
        blocks = [old.block(position) for position in range(len(old.starts))]
    other = io.BytesIO()
    result_file.write(other, msgspec.structs.replace(old.header, complete=not old.header.complete), blocks)
    desk.result(job).write_bytes(other.getvalue())
    track_job(desk.services, job.id)
    digest = TracksFile(io.BytesIO(content(desk, job))).header.result
    assert digest == hashlib.sha256(other.getvalue()).hexdigest()


def test_what_was_interrupted_with_other_parameters_is_not_gone_on_with(
    desk: InProcessProcessor, job: Job, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    again(desk, job, min_frames=9)
    track_job(desk.services, job.id)
    wanted = content(desk, job)
    again(desk, job)
    monkeypatch.setattr(tracking, "SLICE_SECONDS", -1.0)
    track_job(desk.services, job.id)
    again(desk, job, min_frames=9)
    monkeypatch.undo()
    track_job(desk.services, job.id)
    assert content(desk, job) == wanted


def test_a_job_that_is_deleted_while_it_is_tracked_leaves_nothing(
    desk: InProcessProcessor, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = tracks_file.write

    def deleted(*args: Any) -> None:
        with desk.engine.begin() as connection:
            connection.execute(delete(Job).where(Job.id == job.id))
        remove_job_data(desk.services.storage, desk.services.store, job.video_id, job.id)
        write(*args)

    monkeypatch.setattr(tracks_file, "write", deleted)
    track_job(desk.services, job.id)
    assert of_job(desk, job) == []


def test_parameters_that_change_meanwhile_are_tracked_next(
    desk: InProcessProcessor, job: Job, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = tracks_file.write

    def changed(*args: Any) -> None:
        write(*args)
        again(desk, job, min_frames=5)

    monkeypatch.setattr(tracks_file, "write", changed)
    track_job(desk.services, job.id)
    assert sent == [job.id]
    assert state(desk, job) == TracksState(TracksStep.QUEUED, TrackerParameters(min_frames=5))


def test_a_job_without_a_readable_result_says_why_it_has_no_tracks(desk: InProcessProcessor, job: Job) -> None:
    desk.result(job).write_bytes(b"WDRESULT" + bytes(100))
    track_job(desk.services, job.id)
    failed = state(desk, job)
    assert (failed.state, failed.error) == (
        TracksStep.FAILED,
        {"code": "corrupt_data", "detail": "the file is not a result file"},
    )
    desk.result(job).unlink()
    again(desk, job)
    track_job(desk.services, job.id)
    assert state(desk, job).error == {
        "code": "not_found",
        "detail": f"nothing is stored as {result_key(job.video_id, job.id)}",
    }


def test_a_full_storage_is_tried_again(
    desk: InProcessProcessor, job: Job, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise StorageFull("full")

    monkeypatch.setattr(tracks_file, "write", full)
    for _ in range(tracking.MOST_TRIES + 1):
        track_job(desk.services, job.id)
        assert state(desk, job) == TracksState(TracksStep.QUEUED)
    assert (sent, tracks_key(job.video_id, job.id) in desk.files()) == ([], False)
    monkeypatch.undo()
    track_job(desk.services, job.id)
    assert state(desk, job).state is TracksStep.READY


def test_what_kills_its_process_again_and_again_is_given_up(
    desk: InProcessProcessor, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tracking, "_track", killed)
    for _ in range(tracking.MOST_TRIES):
        with pytest.raises(KeyboardInterrupt):
            track_job(desk.services, job.id)
    track_job(desk.services, job.id)
    failed = state(desk, job)
    assert failed.state is TracksStep.FAILED
    assert "3 tries" in str(failed.error)


def test_what_the_database_does_not_take_in_time_is_tried_again_after_a_while_and_given_up(
    desk: InProcessProcessor, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_: Any) -> None:
        raise ProgrammingError("INSERT", {}, Exception({"C": "57014"}))

    monkeypatch.setattr(tracking, "index_tracks", hang)
    coordination, lease = desk.services.coordination, names.tracking_lease(job.id)
    pauses: list[int] = []
    renew = coordination.renew

    def noted(name: str, seconds: int) -> None:
        pauses.append(seconds)
        renew(name, seconds)

    monkeypatch.setattr(coordination, "renew", noted)
    for number in range(tracking.MOST_TRIES):
        with pytest.raises(ProgrammingError):
            track_job(desk.services, job.id)
        is_last = number + 1 == tracking.MOST_TRIES
        assert coordination.is_held(lease) is not is_last
        if not is_last:
            track_job(desk.services, job.id)  # does nothing meanwhile
            coordination.release(lease)
    assert pauses == [60, 300]
    assert state(desk, job).state is TracksStep.QUEUED
    track_job(desk.services, job.id)
    assert state(desk, job).state is TracksStep.FAILED


def test_lost_ones_are_sent_again_but_not_those_at_work(desk: InProcessProcessor, job: Job, sent: list[str]) -> None:
    locks, lease = desk.services.coordination.locks, names.tracking_lease(job.id)
    assert locks.acquire(lease, "other", 60)
    track_waiting(desk.services)
    track_job(desk.services, job.id)
    assert (sent, state(desk, job).state) == ([], TracksStep.QUEUED)
    locks.release(lease, "other")
    track_waiting(desk.services)
    track_waiting(desk.services)
    assert sent == [job.id], "once a minute"


def test_processors_that_are_all_busy_with_tracks_take_no_more(desk: InProcessProcessor, job: Job) -> None:
    locks = desk.services.coordination.locks
    assert locks.acquire(names.tracking_place(0), "other", 60)
    track_job(desk.services, job.id)
    locks.release(names.tracking_place(0), "other")
    assert state(desk, job).state is TracksStep.QUEUED


def test_jobs_of_before_are_tracked_newest_first_and_a_few_at_a_time(
    desk: InProcessProcessor, video: Video, job: Job, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    older = [desk.add_job(video, days_old=days) for days in (3, 1, 2)]
    empty = desk.add_job(video, failed=0)
    for one in (*older, empty):
        desk.change(Job, one.id, tracks=null())
    desk.change(Job, empty.id, frames_done=0)
    sent.clear()
    monkeypatch.setattr(waiting, "_OLDER_AT_ONCE", 3)
    track_waiting(desk.services)
    assert sent == [job.id, older[1].id, older[2].id], "the one that has just ended first"
    for job_id in list(sent):
        track_job(desk.services, job_id)
    track_waiting(desk.services)
    assert sent[-1] == older[0].id
    assert desk.job(empty.id).tracks is None


def test_one_that_is_done_sends_the_next(desk: InProcessProcessor, video: Video, job: Job, sent: list[str]) -> None:
    other = desk.add_job(video, days_old=1)
    sent.clear()
    track_job(desk.services, job.id)
    assert sent == [other.id]


def test_without_tracks_nothing_is_tracked_but_what_is_asked_for(
    tmp_path_factory: pytest.TempPathFactory, valkey: Valkey, sent: list[str]
) -> None:
    desk = InProcessProcessor(tmp_path_factory.mktemp("off"), valkey, TRACKS="off")
    job = desk.add_job(desk.add_video(clip(frames=60)))
    track_waiting(desk.services)
    assert (desk.job(job.id).tracks, sent) == (None, [])
    again(desk, job)
    track_job(desk.services, job.id)
    assert state(desk, job).state is TracksStep.READY
    desk.close()


def test_verify_notices_tracks_that_are_not_of_the_result(desk: InProcessProcessor, job: Job) -> None:
    def problems() -> tuple[str, ...]:
        pair = desk.inventory.job(job.id)
        assert pair is not None
        return Verifier(desk.services.storage).verify(*pair).problems

    track_job(desk.services, job.id)
    assert problems() == ()
    path = desk.storage / tracks_key(job.video_id, job.id)
    good = path.read_bytes()
    path.write_bytes(good[:-20])
    assert "the tracks file cannot be read" in problems()[0]
    path.unlink()
    assert problems() == ("the tracks file is missing: track the job again",)
    path.write_bytes(good)
    desk.change(Job, job.id, tracks={**(desk.job(job.id).tracks or {}), "tracks": 1000})
    assert "the database says 1000" in problems()[0]
    desk.change(Job, job.id, tracks={**(desk.job(job.id).tracks or {}), "tracks": len(file_frames(desk, job))})
    desk.result(job).write_bytes(desk.result(job).read_bytes() + b" ")
    assert any("another result" in line or "result file" in line for line in problems())


def test_tracks_of_no_job_are_orphans(desk: InProcessProcessor, job: Job) -> None:
    track_job(desk.services, job.id)
    (desk.storage / tracking_key(job.video_id, job.id)).write_bytes(b"-")
    stores = DataStores(desk.inventory, desk.services.storage, None, None)
    assert not [one for one in orphans(stores, 0) if job.id in one.name]
    with desk.engine.begin() as connection:
        connection.execute(delete(Job).where(Job.id == job.id))
    gone = sorted(one.name for one in remove(stores, orphans(stores, 0)))
    of_tracks = (result_key, tracks_key, tracking_key)
    assert [name for name in gone if job.id in name] == sorted(key(job.video_id, job.id) for key in of_tracks)
    assert plan_key(job.video_id, job.id) not in desk.files()
