"""Which ingest takes a free stream."""

import pytest

from ingest.assignment.balance import FIRST_SECONDS, LAST_SECONDS, SETTLED_SECONDS, Newcomers, may_take
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


def test_an_ingest_that_has_come_and_stays_gets_its_part_once() -> None:
    newcomers, come = Newcomers(), 100.0
    assert newcomers.surplus("a", 4, 4, 0) == 0
    assert newcomers.surplus("ab", 4, 4, come) == 0
    assert newcomers.surplus("ab", 4, 4, come + SETTLED_SECONDS - 1) == 0
    assert newcomers.surplus("ab", 4, 4, come + SETTLED_SECONDS) == 2
    assert newcomers.surplus("ab", 4, 4, come + 9 * SETTLED_SECONDS) == 0, "they came back: the other one takes none"


def test_streams_stay_where_an_ingest_goes_or_comes_and_goes() -> None:
    newcomers, come = Newcomers(), 100.0
    assert newcomers.surplus("ab", 3, 5, 0) == 0
    assert newcomers.surplus("abc", 3, 5, come) == 0
    assert newcomers.surplus("ab", 3, 5, come + 1) == 0
    assert newcomers.surplus("ab", 3, 5, come + SETTLED_SECONDS) == 0
    assert newcomers.surplus("abd", 3, 5, come + SETTLED_SECONDS) == 0
    assert newcomers.surplus("abde", 3, 5, come + SETTLED_SECONDS + 9) == 0, "the next one has only come"
    assert newcomers.surplus("abde", 3, 5, come + 2 * SETTLED_SECONDS + 9) == 1


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
