"""Where a detector's time goes, and how fast it is."""

from collections.abc import Iterator

import pytest

from contracts.metrics import table
from contracts.metrics.totals import Totals
from detector import metering
from detector.metering import Meter, Speeds, Stages


def test_waiting_for_images_is_no_time_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    stages, now = Stages(), [0.0]
    monkeypatch.setattr(metering, "perf_counter", lambda: now[0])

    def spend(seconds: float) -> None:
        now[0] += seconds

    def results() -> Iterator[str]:
        for _ in range(2):
            stages.waiting(lambda: spend(5))
            spend(3)
            yield "outputs"
            spend(1)

    for _ in stages.inferring(results(), [1, 2]):
        spend(100)  # of whoever takes them
    assert (stages.wait, stages.infer) == (10, 8)
    assert (stages.outputs, stages.images) == (2, 4)


def test_speed_is_that_of_the_last_busy_minute() -> None:
    speeds = Speeds()
    assert speeds.of("m") == 0
    for _ in range(10):
        speeds.note("m", 10, 10.0)
    assert speeds.of("m") == 1
    for _ in range(7):
        speeds.note("m", 100, 10.0)
    assert speeds.of("m") == 10
    assert speeds.of("other") == 0


def test_a_chunk_is_counted_once_and_its_speed_published() -> None:
    totals, published = Totals(), []
    meter = Meter(totals)
    meter.on_change = lambda: published.append(meter.speeds.of("m"))
    for _ in range(2):
        meter.computed("m", 24, 12, 2.0, Stages(wait=1, infer=2, head=3, images=40, outputs=10))
    assert published == [12]  # now and then
    found = {(row.name, row.labels): row.numbers[-1] for row in totals.rows()}
    assert found[table.FRAMES_DONE.name, ()] == 48
    assert found[table.FRAMES_INFERRED.name, ()] == 24
    assert found[table.STAGE_SECONDS.name, ("infer",)] == 4
    assert found[table.ENGINE_IMAGES.name, ()] == 8  # twice 4 on average
