"""A running job is tracked as far as it is finished; whatever happens, the tracks are those of the whole file."""

import dataclasses
import random
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import delete

from contracts.database.tables import Job, Video
from contracts.results import chunk_codec, result_file
from contracts.results.result_file import ResultFile
from contracts.results.tracks import TrackerParameters, TracksState, TracksStep
from contracts.results.tracks_file import encode_numbers
from contracts.storage.port import tracks_key
from contracts.wire.messages import ChunkFailure, from_json, to_json
from processor.context import Services
from processor.jobs.advance import follow_up
from processor.jobs.stored_plan import read_plan
from processor.tracking import along, waiting
from processor.tracking.tracking import track_job
from tests.support.processor_bench import InProcessProcessor, found_in

FRAMES, BLOCK = 300, 32
FAILED = chunk_codec.encode_failure(ChunkFailure("decode_failed", "made to fail"))


@pytest.fixture(autouse=True)
def short_blocks_and_no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(along, "SLICE_SECONDS", 3600.0)
    for module in (result_file, along):
        monkeypatch.setattr(module, "BLOCK_FRAMES", BLOCK)


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs that were sent to be tracked."""
    jobs: list[str] = []
    monkeypatch.setattr(
        waiting, "track_signature", lambda _, job_id: SimpleNamespace(apply_async=lambda: jobs.append(job_id))
    )
    return jobs


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The blocks of result files that were read."""
    positions: list[int] = []
    block = ResultFile.block

    def noted(self: ResultFile, position: int, masks: bool = True) -> Any:
        positions.append(position)
        return block(self, position, masks)

    monkeypatch.setattr(ResultFile, "block", noted)
    return positions


class Running:
    """A job whose chunks come one by one."""

    def __init__(self, desk: InProcessProcessor, video: Video, failed: Sequence[int] = ()) -> None:
        self._desk, self._failed = desk, failed
        self.job = desk.start_job(video)
        plan = read_plan(desk.services, self.job)
        assert plan is not None
        self.chunks = plan.chunks

    def finish(self, *indexes: int) -> None:
        """Chunks are done, and what is finished is tracked."""
        for index in indexes:
            data = FAILED if index in self._failed else found_in(self.chunks[index])
            self._desk.services.store.put_chunk(self.job.id, index, data)
        self.track()

    def track(self) -> None:
        track_job(self._desk.services, self.job.id)

    def end(self) -> bytes:
        """The tracks file of the job, once all its chunks are done."""
        self.finish(*(chunk.index for chunk in self.chunks))
        return self.ended()

    def ended(self) -> bytes:
        assert follow_up(self._desk.services, self.job.id)
        self.track()
        job = self._desk.job(self.job.id)
        assert from_json(job.tracks, TracksState).state is TracksStep.READY
        return (self._desk.storage / tracks_key(job.video_id, job.id)).read_bytes()


@pytest.fixture
def job(desk: InProcessProcessor, video: Video) -> Iterator[Running]:
    yield Running(desk, video)
    with desk.engine.begin() as connection:
        connection.execute(delete(Job))


def tracked_after(desk: InProcessProcessor, video: Video, failed: Sequence[int] = ()) -> bytes:
    """The tracks of the same job when it is tracked at its end alone."""
    other = Running(desk, video, failed)
    for chunk in other.chunks:
        data = FAILED if chunk.index in failed else found_in(chunk)
        desk.services.store.put_chunk(other.job.id, chunk.index, data)
    return other.ended()


@pytest.fixture(scope="module")
def whole(desk: InProcessProcessor, video: Video) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(result_file, "BLOCK_FRAMES", BLOCK)
        patch.setattr(waiting, "track_signature", lambda *_: SimpleNamespace(apply_async=lambda: None))
        return tracked_after(desk, video)


@pytest.mark.parametrize(
    ("size", "order"), [(5, "mixed"), (24, "in order"), (24, "backward"), (90, "mixed"), (90, "all at once")]
)
def test_the_bytes_are_the_same_whatever_the_chunks_were_and_when_they_came(
    desk: InProcessProcessor, video: Video, whole: bytes, read: list[int], size: int, order: str
) -> None:
    settings = dataclasses.replace(desk.settings, chunk_size=size)
    services, desk.services = desk.services, dataclasses.replace(desk.services, settings=settings)
    try:
        job = Running(desk, video)
        indexes = [chunk.index for chunk in job.chunks]
        if order == "backward":
            indexes.reverse()
        elif order == "mixed":
            random.Random(4).shuffle(indexes)
        for part in [indexes] if order == "all at once" else [[index] for index in indexes]:
            job.finish(*part)
        assert job.end() == whole
    finally:
        desk.services = services
    assert read == [FRAMES // BLOCK], "only the last block, which was not whole, was left"


def test_chunks_that_failed_leave_their_frames_out(desk: InProcessProcessor, video: Video, read: list[int]) -> None:
    failed = (0, 3, 4)
    wanted = tracked_after(desk, video, failed)
    read.clear()
    job = Running(desk, video, failed)
    for chunk in job.chunks:
        job.finish(chunk.index)
    assert job.end() == wanted
    assert len(read) == 1


def test_a_part_is_tracked_at_a_time_and_the_rest_is_sent_again(
    job: Running, whole: bytes, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(along, "SLICE_SECONDS", -1.0)
    job.finish(*range(len(job.chunks)))
    assert sent == [job.job.id]
    monkeypatch.setattr(along, "SLICE_SECONDS", 3600.0)
    sent.clear()
    job.track()
    assert sent == []
    assert job.end() == whole


@pytest.mark.parametrize("name", ["tracks 1", "tracks"])
def test_a_process_that_is_killed_as_it_stores_is_as_if_it_had_not_begun(
    desk: InProcessProcessor, job: Running, whole: bytes, read: list[int], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    job.finish(0, 1, 2)
    put_note = type(desk.services.store).put_note

    def killed(self: Any, job_id: str, written: str, data: bytes) -> None:
        if written == name:
            raise KeyboardInterrupt
        put_note(self, job_id, written, data)

    with monkeypatch.context() as patch:
        patch.setattr(type(desk.services.store), "put_note", killed)
        with pytest.raises(KeyboardInterrupt):
            job.finish(3, 4, 5)
    job.finish(6)
    assert job.end() == whole
    assert len(read) == 1


@pytest.mark.parametrize("lost", ["tracks", "tracks 0", "tracks 1"])
def test_what_is_lost_or_of_another_process_is_made_anew(
    desk: InProcessProcessor, job: Running, whole: bytes, read: list[int], lost: str
) -> None:
    for chunk in job.chunks:
        job.finish(chunk.index)
    desk.services.store.put_note(job.job.id, lost, b"of a process that was suspended")
    assert job.ended() == whole
    assert len(read) == -(-FRAMES // BLOCK)


def test_a_result_store_that_is_emptied_loses_nothing(desk: InProcessProcessor, job: Running, whole: bytes) -> None:
    job.finish(0, 1, 2, 3, 4)
    layout = desk.services.store.get_layout(job.job.id)
    assert layout is not None
    desk.services.store.forget(job.job.id)
    job.track()
    desk.services.store.put_layout(job.job.id, layout)
    assert job.end() == whole


def test_frames_that_are_not_those_of_the_result_are_not_used(
    desk: InProcessProcessor, video: Video, job: Running, whole: bytes, read: list[int]
) -> None:
    """As where the store lost chunks that other detectors made anew, with another provider."""
    store, wrong = desk.services.store, Running(desk, video)
    for chunk in wrong.chunks:
        moved = found_in(chunk, aside=1)
        store.put_chunk(wrong.job.id, chunk.index, moved)
    wrong.track()
    for name in ("tracks", "tracks 0"):
        note = store.get_note(wrong.job.id, name)
        assert note is not None
        store.put_note(job.job.id, name, note)
    assert job.end() == whole
    assert len(read) == -(-FRAMES // BLOCK)


def test_other_parameters_are_tracked_from_the_start(desk: InProcessProcessor, job: Running, read: list[int]) -> None:
    job.end()
    read.clear()
    wanted = TracksState(TracksStep.QUEUED, TrackerParameters(min_frames=5))
    desk.change(Job, job.job.id, tracks=to_json(wanted))
    job.track()
    assert len(read) == -(-FRAMES // BLOCK)


def test_a_job_that_ends_while_it_is_tracked_is_sent_again(
    desk: InProcessProcessor, job: Running, whole: bytes, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own task finds the lease taken."""
    put_note = type(desk.services.store).put_note

    def ending(self: Any, job_id: str, name: str, data: bytes) -> None:
        put_note(self, job_id, name, data)
        if name == "tracks":
            follow_up(desk.services, job_id)
            track_job(desk.services, job_id)

    with monkeypatch.context() as patch:
        patch.setattr(type(desk.services.store), "put_note", ending)
        job.finish(*range(len(job.chunks)))
    assert sent == [job.job.id] * 2
    assert job.ended() == whole


def test_what_kills_its_process_again_and_again_is_left_to_the_end(
    job: Running, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(along, "encode_numbers", killed)
        for index in (2, 3, 4):
            with pytest.raises(KeyboardInterrupt):
                job.finish(*range(index + 1))
        job.finish(6)
    assert job.end() == whole


def test_a_job_that_is_deleted_meanwhile_leaves_nothing(
    desk: InProcessProcessor, job: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deleted(numbers: Any) -> bytes:
        with desk.engine.begin() as connection:
            connection.execute(delete(Job).where(Job.id == job.job.id))
        return encode_numbers(numbers)

    monkeypatch.setattr(along, "encode_numbers", deleted)
    job.finish(0, 1, 2)
    assert desk.services.store.get_note(job.job.id, "tracks") is None
    assert desk.services.store.get_layout(job.job.id) is None


def test_long_jobs_are_sent_as_their_chunks_are_done(
    desk: InProcessProcessor, job: Running, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processor.jobs.advance.send_chunks", lambda *_: None)

    def off() -> Services:
        settings = dataclasses.replace(desk.settings, tracks="off")
        return dataclasses.replace(desk.services, settings=settings)

    assert not follow_up(desk.services, job.job.id)
    assert sent == [], "a short one"
    desk.change(Job, job.job.id, frames_total=1024)
    assert not follow_up(off(), job.job.id)
    assert sent == []
    assert not follow_up(desk.services, job.job.id)
    assert sent == [job.job.id]
