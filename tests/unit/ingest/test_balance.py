"""Which ingest takes a free stream."""

import pytest

from ingest.assignment.balance import FIRST_SECONDS, LAST_SECONDS, may_take
from ingest.rates import WINDOW_SECONDS, Rates


@pytest.mark.parametrize(
    ("own", "wanted", "ingests", "free_seconds", "takes"),
    [
        (0, 1, 1, 0, True),
        (40, 41, 1, 0, True),
        (1, 4, 2, 0, True),
        (2, 4, 2, 0, False),
        (2, 5, 2, 0, True),
        (0, 1, 9, 0, True),
        (2, 4, 2, FIRST_SECONDS, True),  # the other one is gone
        (2, 6, 3, FIRST_SECONDS, True),
        (3, 6, 3, FIRST_SECONDS, False),  # another one lives, and has less
        (3, 6, 3, LAST_SECONDS, True),
        (0, 1, 0, 0, True),  # its own registration is not there yet
    ],
)
def test_each_takes_its_part_at_once_and_the_rest_when_others_are_gone(
    own: int, wanted: int, ingests: int, free_seconds: float, takes: bool
) -> None:
    assert may_take(own, wanted, ingests, free_seconds) is takes


def test_rates_are_of_the_last_seconds() -> None:
    rates, second = Rates(), 100.0
    assert (rates.fps(second), rates.kbps(second), rates.lag_ms()) == (0, 0, None)
    for number in range(20):
        rates.count(second + number / 10, 1000, None if number % 2 else number / 1000)
    now = second + 2
    assert rates.fps(now) == pytest.approx(10, rel=0.1)
    assert rates.kbps(now) == pytest.approx(80, rel=0.1)
    assert rates.lag_ms() == 10
    assert rates.fps(now + WINDOW_SECONDS + 1) == 0
    assert rates.kbps(now + WINDOW_SECONDS + 1) == 0
