"""The engine goes from one source to the next without running dry, and no output goes astray."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.models.catalogue import Model
from detector.engine import Engine, EngineConfig, EngineInfo
from detector.relay import Place, Relay
from detector.tensors import Image, Outputs, Shapes


class Ring(Engine):
    """Returns each image's number. in_flight: how many it takes before it gives out the first."""

    def __init__(self, in_flight: int) -> None:
        super().__init__(EngineConfig())
        self.in_flight, self.runs, self.busy = in_flight, 0, 0

    def precisions(self) -> set[str]:
        return {"fp32"}

    def load(self, model: Model, path: object) -> Shapes:
        return {}

    def describe(self) -> EngineInfo:
        return EngineInfo("ring", "1", "none", "none", "fp32")

    def run(self, images: Iterable[Image], *, masks: bool) -> Generator[Outputs, None, None]:
        self.runs += 1
        waiting: deque[Outputs] = deque()
        try:
            for image in images:
                waiting.append({"number": image.astype(np.float32)})
                self.busy = len(waiting)
                if len(waiting) > self.in_flight:
                    yield waiting.popleft()
            yield from waiting
        finally:
            self.busy = 0


class Numbers:
    """A source of so many images: each holds a number. ready: how many it gives before its turn."""

    def __init__(self, start: int, count: int, ready: int) -> None:
        self.expected = [float(number) for number in range(start, start + count)]
        self._images = iter([np.full((1, 1, 1), number, np.uint8) for number in range(start, start + count)])
        self._ready = ready
        self.given: deque[float] = deque()
        self.found: list[float] = []

    @property
    def is_begun(self) -> bool:
        return bool(self.given)

    def image_ahead(self) -> Image | None:
        self._ready -= 1
        return next(self.images(), None) if self._ready >= 0 else None

    def images(self) -> Iterator[Image]:
        for image in self._images:
            self.given.append(float(image.item()))
            yield image

    def note(self, outputs: Outputs) -> None:
        assert self.given.popleft() == outputs["number"].item(), "the outputs of another image"
        self.found.append(outputs["number"].item())


def infer(relay: Relay, engine: Engine, source: Numbers, following: Numbers | None = None) -> None:
    for outputs in Place(relay, engine, source, lambda: following).infer(source.images()):
        source.note(outputs)


@given(
    counts=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6),
    in_flight=st.integers(0, 4),
)
def test_each_source_gets_its_own_outputs_however_many_are_ready_ahead(
    counts: list[tuple[int, int]], in_flight: int
) -> None:
    relay, engine = Relay(), Ring(in_flight)
    sources = [Numbers(10 * place, count, ready) for place, (count, ready) in enumerate(counts)]
    for source, following in zip(sources, [*sources[1:], None], strict=True):
        assert not relay.has_lost(source)
        infer(relay, engine, source, following)
        assert source.found == source.expected
    assert not engine.busy


def test_an_engine_does_not_run_dry_between_sources_that_are_ready() -> None:
    relay, engine = Relay(), Ring(2)
    sources = [Numbers(10 * place, 5, 9) for place in range(3)]
    for source, following in zip(sources, [*sources[1:], None], strict=True):
        infer(relay, engine, source, following)
        assert engine.busy == (3 if following else 0), "all of its places are taken by the next one's images"
    assert engine.runs == 1


def test_a_source_whose_turn_does_not_come_has_to_begin_anew() -> None:
    relay, engine = Relay(), Ring(2)
    first, second, other = Numbers(0, 5, 0), Numbers(10, 5, 9), Numbers(20, 5, 0)
    infer(relay, engine, first, second)
    assert second.is_begun
    assert not relay.has_lost(second)
    infer(relay, engine, other, second)
    assert other.found == other.expected
    assert relay.has_lost(second)


def test_another_engine_takes_over_nothing() -> None:
    relay, engine, another = Relay(), Ring(2), Ring(2)
    first, second = Numbers(0, 5, 0), Numbers(10, 5, 9)
    infer(relay, engine, first, second)
    engine_was_left = Numbers(20, 3, 0)
    infer(relay, another, engine_was_left)
    assert engine_was_left.found == engine_was_left.expected
    assert not engine.busy


def test_after_an_error_the_engine_is_free_and_what_it_had_of_the_next_is_lost() -> None:
    relay, engine = Relay(), Ring(2)
    first, second = Numbers(0, 5, 0), Numbers(10, 5, 9)
    results = Place(relay, engine, first, lambda: second).infer(first.images())
    for _ in range(4):
        first.note(next(results))
    assert second.is_begun
    results.close()
    assert not engine.busy
    assert relay.has_lost(second)


def test_an_error_of_the_next_source_is_its_own() -> None:
    class Broken(Numbers):
        def image_ahead(self) -> Image | None:
            raise OSError

    relay, engine = Relay(), Ring(2)
    first, second = Numbers(0, 5, 0), Broken(10, 5, 9)
    infer(relay, engine, first, second)
    assert first.found == first.expected
    with pytest.raises(StopIteration):
        next(Place(relay, engine, second, lambda: None).infer(iter(())))
