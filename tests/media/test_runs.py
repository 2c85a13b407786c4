"""Runs: chunks of a long group, computed one after the other in time slices, from one decoder where possible."""

import dataclasses
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from contracts.metrics.table import CHUNKS, FRAMES_DONE, FRAMES_INFERRED, STAGE_SECONDS
from contracts.metrics.totals import Totals
from contracts.models.catalogue import Catalogue
from contracts.results import chunk_codec
from contracts.results.codec import Block
from contracts.results.port import MAX_ATTEMPTS
from contracts.wire.messages import Chunk, ChunkFailure
from contracts.wire.runs import from_message, runs, to_message
from detector import chunk_attempt, inference, parking
from detector.chunk_attempt import HAND_BACK_SECONDS, NEXT_SLICE_SECONDS, PASS_ON_SECONDS, perform
from detector.context import Services
from detector.decode.parent import Budget, Decoders
from detector.metering import Meter
from detector.parking import Parking
from tests.media.test_formats import chunks, probed
from tests.media.test_inference import FakeEngines
from tests.support.fakes import MemoryResultStore, MemoryStorage
from tests.support.videos.clips import JOB, VIDEO_KEY, clip, plan
from tests.support.videos.formats import File
from tests.support.waiting import until

FRAMES, SIZE = 125, 5
BEFORE = 41  # frames before the run


class CountedStorage(MemoryStorage):
    """Counts how often a video is opened: once for each decoder."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.objects[VIDEO_KEY] = content
        self.opened = 0

    def open(self, key: str):  # type: ignore[no-untyped-def]
        self.opened += 1
        return super().open(key)


@pytest.fixture(scope="module")
def content() -> bytes:
    made = clip(frames=FRAMES, every=1000, size=(64, 48))
    assert made.keyframes == [0]
    return made.content


@pytest.fixture(scope="module")
def planned(content: bytes) -> tuple[Chunk, ...]:
    return tuple(replace(chunk, plan=plan()) for chunk in chunks(probed(File(content)), SIZE))


@pytest.fixture(scope="module")
def run(planned: tuple[Chunk, ...]) -> Chunk:
    """The last two thirds of the frames, in chunks of five."""
    [*_, message] = runs(planned)
    assert message.numbers == range(BEFORE, FRAMES)
    assert message.lengths == (*(5,) * 16, 4)
    return from_message(to_message(message))


@pytest.fixture
def storage(content: bytes) -> CountedStorage:
    return CountedStorage(content)


@pytest.fixture
def services(storage: CountedStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """A detector whose time slices are over as soon as others wait."""
    monkeypatch.setattr(inference, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(chunk_attempt, "SLICE_SECONDS", 0)
    monkeypatch.setattr(chunk_attempt, "_ASK_SECONDS", 0)
    decoders = Decoders(Budget(10**9, 10**12))
    made = Services(
        Catalogue(Path("none")), storage, MemoryResultStore(60), FakeEngines(tmp_path), decoders, "worker-1", 15
    )
    yield dataclasses.replace(made, parking=Parking(0.05))
    decoders.close()


def attempt(run: Chunk, services: Services) -> int | None:
    """Attempt it, while others begin to wait some frames later."""
    asked = count(1)
    return perform(run, services, 0, lambda: next(asked) > 15)


def stored(services: Services, index: int) -> Block | ChunkFailure:
    return chunk_codec.decode(services.store.get_chunk(JOB, index) or b"")


def slices(run: Chunk, services: Services, most: int = 10_000) -> int:
    """How many time slices it takes to the end."""
    for number in range(most):
        again = attempt(run, services)
        if again is None:
            return number + 1
        assert again == NEXT_SLICE_SECONDS
    return most


def test_a_run_in_time_slices_has_the_bytes_of_its_chunks_alone_and_is_decoded_once(
    planned: tuple[Chunk, ...], run: Chunk, services: Services, storage: CountedStorage
) -> None:
    totals = Totals()
    services = dataclasses.replace(services, meter=Meter(totals))
    taken = slices(run, services)
    assert taken > 3
    assert storage.opened == 1
    counted = {(row.name, *row.labels): row.numbers[0] for row in totals.rows()}
    assert counted[CHUNKS.name, "done"] == len(run.lengths or ())
    assert counted[CHUNKS.name, "again"] == taken - 1
    assert counted[FRAMES_DONE.name,] == counted[FRAMES_INFERRED.name,] == FRAMES - BEFORE
    assert all(counted[STAGE_SECONDS.name, stage] > 0 for stage in STAGE_SECONDS.values)
    assert not services.store.leased(JOB, run.index)
    alone = dataclasses.replace(services, store=MemoryResultStore(60))
    for chunk in planned[run.index :]:
        assert perform(chunk, alone, 0) is None
        assert services.store.get_chunk(JOB, chunk.index) == alone.store.get_chunk(JOB, chunk.index)
    assert services.store.attempts(JOB) == alone.store.attempts(JOB)
    progress = services.store.progress(JOB)
    assert progress.frames == progress.cost.inferred == FRAMES - BEFORE


def test_results_come_chunk_by_chunk_and_another_detector_leaves_the_rest_to_the_one_with_the_decoder(
    run: Chunk, services: Services, storage: CountedStorage
) -> None:
    while run.index + 3 not in services.store.chunk_indexes(JOB):
        assert attempt(run, services) == NEXT_SLICE_SECONDS
    assert run.index + 12 not in services.store.chunk_indexes(JOB)
    other = dataclasses.replace(services, worker="worker-2", parking=Parking(0.05))
    assert perform(run, other, 0) == PASS_ON_SECONDS
    # Had it died, its lease would have run out; the other one goes on with what is left.
    parked = services.parking.take(JOB, run.index)
    assert parked is not None
    parked.drop()
    kept = {index: services.store.get_chunk(JOB, index) for index in services.store.chunk_indexes(JOB)}
    slices(run, other)
    assert storage.opened == 2
    assert services.store.chunk_indexes(JOB) == frozenset(range(run.index, run.index + 17))
    assert {index: services.store.get_chunk(JOB, index) for index in kept} == kept
    frames = [number for index in range(run.index, run.index + 17) for number in _frames(stored(services, index))]
    assert frames == list(range(BEFORE, FRAMES))


def _frames(result: Block | ChunkFailure) -> list[int]:
    assert isinstance(result, Block)
    return [int(number) for number in result.frame]


def test_a_chunk_that_kills_its_detector_costs_a_run_that_chunk_alone(run: Chunk, services: Services) -> None:
    for _ in range(MAX_ATTEMPTS):
        services.store.begin_attempt(JOB, run.index)
    slices(run, services)
    assert isinstance(stored(services, run.index), ChunkFailure)
    for index in range(run.index + 1, run.index + 17):
        assert len(_frames(stored(services, index))) >= 4


def test_a_video_that_is_gone_costs_all_chunks_at_once(run: Chunk, services: Services) -> None:
    services.storage.delete(VIDEO_KEY)
    assert perform(run, services, 0) is None
    assert {type(stored(services, index)) for index in range(run.index, run.index + 17)} == {ChunkFailure}


def test_a_run_of_a_cancelled_job_gives_up_its_decoder(run: Chunk, services: Services) -> None:
    assert perform(run, services, 0) == NEXT_SLICE_SECONDS
    assert services.store.leased(JOB, run.index)
    services.store.request_cancel(JOB)
    until(lambda: not services.store.leased(JOB, run.index))
    assert services.parking.take(JOB, run.index) is None
    assert perform(run, services, 0) is None


def test_a_decoder_ahead_of_a_store_that_lost_results_is_not_used(
    run: Chunk, services: Services, storage: CountedStorage
) -> None:
    while run.index not in services.store.chunk_indexes(JOB):
        assert attempt(run, services) == NEXT_SLICE_SECONDS
    services.store.forget(JOB)
    slices(run, services)
    assert storage.opened == 2
    assert len(services.store.chunk_indexes(JOB)) == 17


def test_runs_that_find_no_room_wait_until_one_has_decoded_as_much_as_before_its_start(
    run: Chunk, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "MOST_PARKED", 1)
    later = replace(run, index=run.index + 100)
    other = replace(run, job_id=JOB.replace("6", "7"))
    assert perform(run, services, 0) == NEXT_SLICE_SECONDS
    assert perform(later, services, 0) == HAND_BACK_SECONDS, "a job's runs come one after the other"
    assert perform(other, services, 0) == HAND_BACK_SECONDS
    while services.store.progress(JOB).frames <= BEFORE:
        assert attempt(run, services) == NEXT_SLICE_SECONDS
    assert perform(other, services, 0) == NEXT_SLICE_SECONDS
    services.store.request_cancel(other.job_id)
