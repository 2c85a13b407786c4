"""What is left open of a tracker's parameters follows from the job."""

import pytest

from contracts.results.tracks import TrackerParameters, settled


@pytest.mark.parametrize(
    ("job_min_score", "start_score", "min_score"), [(0.35, 0.4, 0.1), (0.01, 0.06, 0.06), (0.99, 1.0, 0.1)]
)
def test_an_open_start_score_is_a_little_above_the_least_of_the_job(
    job_min_score: float, start_score: float, min_score: float
) -> None:
    found = settled(TrackerParameters(), job_min_score)
    assert (found.start_score, found.min_score) == pytest.approx((start_score, min_score))


def test_parameters_that_are_given_stay() -> None:
    given = TrackerParameters(start_score=0.2, min_score=0.15, min_frames=1)
    assert settled(given, 0.5) == given
