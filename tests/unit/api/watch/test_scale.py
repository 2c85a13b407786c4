"""How many detectors are wanted."""

import pytest

from api.watch.scale import Scale, scale, together, wanted_fps


def test_the_ratio_is_what_is_wanted_to_what_can_be_done() -> None:
    assert scale(wanted_fps(6000, 60), [20.0, 30.0]) == Scale(2.0, 2, 4, 100.0, 50.0)


def test_one_that_was_not_measured_is_as_fast_as_the_others() -> None:
    assert scale(30.0, [10.0, 0.0, 20.0]) == Scale(30 / 45, 3, 2, 30.0, 45.0)


@pytest.mark.parametrize("speeds", [[], [0.0], [0.0, 0.0]])
def test_without_any_speed_what_is_there_stays_while_there_is_work(speeds: list[float]) -> None:
    assert scale(5.0, speeds) == Scale(1.0, len(speeds), max(1, len(speeds)), 5.0, 0.0)
    assert scale(0.0, speeds) == Scale(0.0, len(speeds), 0, 0.0, 0.0)


def test_without_work_none_is_wanted() -> None:
    assert scale(0.0, [10.0]) == Scale(0.0, 1, 0, 0.0, 10.0)


def test_both_kinds_together() -> None:
    jobs, streams = scale(100.0, [25.0, 25.0]), scale(10.0, [50.0])
    assert together([jobs, streams]) == Scale(1.1, 3, 5, 110.0, 100.0)
    assert together([jobs, scale(10.0, [0.0])]).ratio == 2.0
    assert together([scale(0.0, []), scale(0.0, [])]) == Scale(0.0, 0, 0, 0.0, 0.0)
