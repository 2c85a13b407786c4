"""The next chunk is opened while the one in hand ends: same bytes, nothing counted twice, nothing left behind."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from contracts.errors import StorageUnavailable
from contracts.models.catalogue import Catalogue, Model
from contracts.wire.messages import Chunk
from detector import ahead, inference
from detector.ahead import Ahead
from detector.chunk_attempt import AFTER_ERROR_SECONDS, HAND_BACK_SECONDS, open_ahead, perform
from detector.context import Services
from detector.decode.parent import Budget, Decoders
from detector.engine import Engine
from tests.media.test_inference import FakeEngines
from tests.media.test_runs import CountedStorage
from tests.support.fakes import MemoryResultStore
from tests.support.processes import children
from tests.support.videos.clips import JOB, chunks, clip, plan
from tests.support.waiting import until


class OneEngine(FakeEngines):
    """The same engine each time, as in a detector."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._engine: Engine | None = None

    def get(self, model: Model, precision: str) -> Engine:
        self._engine = self._engine or super().get(model, precision)
        return self._engine


class Next:
    """The main process: when it is asked for the next message, it is there at once, and opened."""

    def __init__(self, messages: list[Chunk]) -> None:
        self.messages = messages
        self.services: Services | None = None
        self.withdrawn = 0
        self.waits = True

    def ask(self) -> None:
        assert self.services is not None
        if self.messages:
            open_ahead(self.messages.pop(0), self.services)
            opened = self.services.ahead.peek()
            if opened is not None and self.waits:
                until(lambda: opened.inference._images.is_ready())  # type: ignore[attr-defined]

    def withdraw(self) -> None:
        self.withdrawn += 1


@pytest.fixture(scope="module")
def content() -> bytes:
    return clip(frames=48).content


@pytest.fixture(scope="module")
def planned() -> list[Chunk]:
    return list(chunks(clip(frames=48), [0, 12, 24, 36]))


@pytest.fixture
def alone(content: bytes, tmp_path: Path, decoders: Decoders) -> Services:
    """A detector that opens nothing ahead."""
    store, storage = MemoryResultStore(60), CountedStorage(content)
    return Services(Catalogue(Path("none")), storage, store, OneEngine(tmp_path), decoders, "worker-1", 15)


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    made = Decoders(Budget(10**9, 10**12))
    made.start()
    yield made
    made.close()


Looking = Callable[[list[Chunk]], Services]


@pytest.fixture
def looking(alone: Services, monkeypatch: pytest.MonkeyPatch) -> Looking:
    """A detector that will open these messages ahead, one by one, early enough."""
    monkeypatch.setattr(inference, "ENDING_SECONDS", 1000)

    def made(messages: list[Chunk]) -> Services:
        line = Next(messages)
        line.services = dataclasses.replace(alone, store=MemoryResultStore(60), ahead=Ahead(line))
        return line.services

    return made


def test_chunks_whose_frames_are_chosen_have_the_same_bytes_when_opened_ahead(
    alone: Services, looking: Looking
) -> None:
    chosen = chunks(clip(frames=48), [0, 12, 24, 36], plan=plan(frames="fine"), time_base=(1, 12800))
    for chunk in chosen:
        assert perform(chunk, alone, 0) is None
    services = looking(chosen[1:])
    services.ahead._line.waits = False  # type: ignore[union-attr]
    for chunk in chosen:
        assert perform(chunk, services, 0) is None
    assert stored(services, chosen) == stored(alone, chosen)
    assert services.storage.opened == 2 * len(chosen)  # type: ignore[attr-defined]
    assert decoding() == 0


def stored(services: Services, planned: list[Chunk]) -> list[bytes | None]:
    return [services.store.get_chunk(JOB, chunk.index) for chunk in planned]


def decoding() -> int:
    """Decoders that run now."""
    return sum(len(children(server)) for server in children(psutil.Process(), "fork_server"))


def test_chunks_opened_ahead_have_the_same_bytes_and_the_engine_does_not_run_dry(
    planned: list[Chunk], alone: Services, looking: Looking
) -> None:
    for chunk in planned:
        assert perform(chunk, alone, 0) is None
    assert alone.engines.runs == len(planned)  # type: ignore[attr-defined]
    services = looking(planned[1:])
    for chunk in planned:
        assert perform(chunk, services, 0) is None
        assert not services.store.leased(JOB, chunk.index)
    assert stored(services, planned) == stored(alone, planned)
    assert services.store.attempts(JOB) == dict.fromkeys(range(4), 1)
    assert services.engines.runs == len(planned) + 1  # type: ignore[attr-defined]
    assert services.storage.opened == 2 * len(planned)  # type: ignore[attr-defined]
    assert services.ahead.peek() is None
    assert decoding() == 0


def test_what_is_opened_holds_no_lease_and_no_attempt_so_another_detector_may_have_it(
    planned: list[Chunk], looking: Looking
) -> None:
    services = looking([planned[1]])
    assert perform(planned[0], services, 0) is None
    assert decoding() == 1
    assert services.store.attempts(JOB) == {0: 1}
    assert not services.store.leased(JOB, 1)
    other = dataclasses.replace(services, worker="worker-2", ahead=Ahead(), relay=type(services.relay)())
    assert perform(planned[1], other, 0) is None
    assert perform(planned[1], services, 0) is None
    assert services.store.attempts(JOB) == {0: 1, 1: 1}
    assert decoding() == 0


@pytest.mark.parametrize("how", ["cancelled", "leased"])
def test_a_message_that_is_not_to_be_computed_ends_its_decoder(
    planned: list[Chunk], looking: Looking, how: str
) -> None:
    services = looking([planned[1]])
    assert perform(planned[0], services, 0) is None
    if how == "cancelled":
        services.store.request_cancel(JOB)
    else:
        services.store.take_lease(JOB, 1, "worker-2", 60)
    assert perform(planned[1], services, 0) == (None if how == "cancelled" else HAND_BACK_SECONDS)
    assert services.store.attempts(JOB) == {0: 1}
    assert decoding() == 0


def test_another_message_first_costs_nothing_but_a_decoder(
    planned: list[Chunk], alone: Services, looking: Looking
) -> None:
    for chunk in planned:
        perform(chunk, alone, 0)
    services = looking([planned[1]])
    for chunk in (planned[0], planned[2], planned[1], planned[3]):
        assert perform(chunk, services, 0) is None
    assert stored(services, planned) == stored(alone, planned)
    assert decoding() == 0


def test_an_error_in_the_chunk_in_hand_leaves_the_next_one_right(
    planned: list[Chunk], alone: Services, looking: Looking
) -> None:
    for chunk in planned[:2]:
        perform(chunk, alone, 0)
    services = looking([planned[1]])
    services.engines.trouble = RuntimeError("of the engine")  # type: ignore[attr-defined]
    assert perform(planned[0], services, 0) == AFTER_ERROR_SECONDS
    services.engines.trouble = None  # type: ignore[attr-defined]
    for chunk in (planned[1], planned[0]):
        assert perform(chunk, services, 0) is None
    assert stored(services, planned[:2]) == stored(alone, planned[:2])
    assert services.store.attempts(JOB) == {0: 2, 1: 1}
    assert decoding() == 0


def test_what_is_opened_in_vain_is_dropped_by_the_next_or_after_a_while(
    planned: list[Chunk], looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = looking([])
    open_ahead(planned[1], services)
    open_ahead(planned[2], services)
    assert decoding() == 1
    services.ahead.tidy()
    assert decoding() == 1
    monkeypatch.setattr(ahead, "MOST_SECONDS", 0)
    services.ahead.tidy()
    assert decoding() == 0
    assert services.ahead.peek() is None


def test_nothing_is_opened_that_is_done_cancelled_or_in_hand(planned: list[Chunk], looking: Looking) -> None:
    services = looking([])
    assert perform(planned[0], services, 0) is None
    open_ahead(planned[0], services)
    assert services.ahead.peek() is None
    services.store.put_chunk(JOB, 1, b"")
    open_ahead(planned[1], services)
    assert services.ahead.peek() is None
    services.store.request_cancel(JOB)
    open_ahead(planned[2], services)
    assert services.ahead.peek() is None
    assert decoding() == 0


def test_a_video_that_cannot_be_opened_ahead_is_opened_in_its_turn(
    planned: list[Chunk], looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = looking([])

    def fail(_: str) -> None:
        raise StorageUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(services.storage, "open", fail)
        with pytest.raises(StorageUnavailable):
            open_ahead(planned[1], services)
    assert perform(planned[1], services, 0) is None
    assert services.store.attempts(JOB) == {1: 1}


def test_the_next_message_is_asked_for_at_the_end_and_not_before(
    planned: list[Chunk], alone: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the speed of the frames so far."""
    clock = iter(range(10**6))
    monkeypatch.setattr("detector.inference.time.monotonic", lambda: next(clock) / 1000)
    asked: list[int] = []

    class Asked(Next):
        def ask(self) -> None:
            asked.append(1)

    line = Asked([])
    monkeypatch.setattr(inference, "ENDING_SECONDS", 0)
    monkeypatch.setattr(inference, "ENDING_FRAMES", 0)
    services = dataclasses.replace(alone, ahead=Ahead(line))
    assert perform(planned[0], services, 0) is None
    assert (asked, line.withdrawn) == ([1], 1), "with the last frame, when none is left"
    unreadable = replace(planned[1], video_key="none")
    assert perform(unreadable, services, 0) is None
    assert (asked, line.withdrawn) == ([1], 1)
