"""Of several jobs on a video, which of them count."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.search.replaced import IndexedRun, replaced
from contracts.wire.messages import Options


def run(
    number: int,
    *,
    model: str = "m",
    state: str = "succeeded",
    video: str = "v",
    tracks: int = 1,
    knows: str | None = "a",
    **options: Any,
) -> IndexedRun:
    created = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    of_job = (number, f"job {number}", video, model, Options(**options), state)
    return IndexedRun(*of_job, created, None, None, tracks, knows)


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [
        pytest.param({}, {}, {1}, id="the same again"),
        pytest.param({}, {"min_score": 0.5}, set(), id="only sure objects"),
        pytest.param({"min_score": 0.5}, {"min_score": 0.3}, {1}, id="unsure objects too"),
        pytest.param({}, {"every_n": 3}, set(), id="some frames"),
        pytest.param({"every_n": 3}, {"every_n": 1}, {1}, id="all frames instead of some"),
        pytest.param({"every_n": 3}, {"every_n": 2}, {1}, id="more frames"),
        pytest.param({"every_n": 2}, {"every_n": 3}, set(), id="fewer frames"),
        pytest.param({}, {"sample_fps": 100.0}, set(), id="some frames per second"),
        pytest.param({"sample_fps": 2.0}, {}, {1}, id="all frames instead of some per second"),
        pytest.param({"sample_fps": 2.0}, {"sample_fps": 2.0}, {1}, id="as many frames per second"),
        pytest.param({"sample_fps": 2.0}, {"sample_fps": 1.0}, set(), id="fewer frames per second"),
        pytest.param({"every_n": 100}, {"sample_fps": 1.0}, set(), id="nobody knows which is more"),
        pytest.param({"sample_fps": 1.0}, {"every_n": 2}, set(), id="nobody knows which is more, the other way"),
        pytest.param({}, {"frames": "coarse"}, {1}, id="all frames, some of them filled in"),
        pytest.param({}, {"tracks": 0}, set(), id="nothing was found"),
        pytest.param({"tracks": 0}, {"tracks": 0}, {1}, id="nothing was found again"),
        pytest.param({}, {"model": "other"}, set(), id="another model"),
        pytest.param({}, {"knows": "b"}, set(), id="a model of the same name with other labels"),
        pytest.param({"knows": None}, {}, {1}, id="indexed by an earlier release"),
        pytest.param({}, {"video": "other"}, set(), id="another video"),
        pytest.param({}, {"state": "partial"}, set(), id="not complete"),
        pytest.param({"state": "partial"}, {}, {1}, id="complete at last"),
        pytest.param({"end_ms": 1000.0}, {"start_ms": 1000.0}, set(), id="another part of the video"),
        pytest.param({"start_ms": 500.0, "end_ms": 1000.0}, {"end_ms": 1000.0}, {1}, id="a longer part"),
        pytest.param({}, {"end_ms": 1000.0}, set(), id="a shorter part"),
        pytest.param({"labels": ("cat",)}, {"labels": ("cat", "dog")}, {1}, id="more labels"),
        pytest.param({}, {"labels": ("cat",)}, set(), id="fewer labels"),
        pytest.param({"region": (0.2, 0.2, 0.5, 0.5)}, {"region": (0, 0, 0.5, 0.5)}, {1}, id="a larger region"),
        pytest.param({}, {"region": (0, 0, 0.5, 0.5)}, set(), id="a region only"),
    ],
)
def test_a_job_is_replaced_by_one_that_looked_at_as_much(
    earlier: dict[str, Any], later: dict[str, Any], expected: set[int]
) -> None:
    assert replaced([run(1, **earlier), run(2, **later)]) == expected


def test_of_many_the_last_one_counts() -> None:
    assert replaced([run(3), run(1), run(2)]) == {1, 2}
