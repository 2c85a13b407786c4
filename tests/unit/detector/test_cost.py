"""CPU time is counted once, and what an attempt costs is kept whatever becomes of it."""

from contracts.results.port import Cost
from detector.cost import AttemptCost, CpuTime
from tests.support.fakes import MemoryResultStore


def test_each_second_is_taken_once() -> None:
    now = [100.0]
    cpu = CpuTime(lambda: now[0])
    now[0] = 103.0
    assert [cpu.take(), cpu.take()] == [3.0, 0.0]
    now[0] = 103.5
    assert cpu.take() == 0.5


def test_attempts_at_the_same_chunk_add_up() -> None:
    store = MemoryResultStore(60)
    first, second = (AttemptCost(store, "job", 0) for _ in range(2))
    first.add(1.0)
    first.add(0.5)
    second.add(2.0, 24)
    assert store.progress("job").cost == Cost(3.5, 24)
