"""What a viewer is sent: everything while it keeps up; behind, the newest."""

from typing import Any

import pytest

from api.live.messages import Media, Result
from api.live.outbox import Ending, Outbox


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(clock: Clock) -> Outbox:
    made = Outbox(clock)
    made.want(media=True, results=True)
    return made


def frame(number: int, *, key: bool = False, size: int = 1) -> Media:
    return Media(bytes([number]) * size, key, number)


def taken(outbox: Outbox) -> list[Any]:
    """What is sent now, results by their time."""
    found = []
    while not outbox.is_empty:
        one = outbox.take()
        found.append(one.time_ms if isinstance(one, Result) else one)
    return found


def test_all_is_sent_in_order_to_a_viewer_that_keeps_up(outbox: Outbox, clock: Clock) -> None:
    for number in range(100):
        clock.now += 0.1
        outbox.offer_media(frame(number, key=number % 50 == 0))
        outbox.offer_result(Result("", number))
        assert taken(outbox) == [bytes([number]), number]
    assert outbox.skipped == 0


def test_frames_and_results_keep_their_order(outbox: Outbox, clock: Clock) -> None:
    outbox.offer_media(frame(1, key=True))
    clock.now = 0.01
    outbox.offer_result(Result("", 1))
    clock.now = 0.02
    outbox.offer_media(frame(2))
    assert taken(outbox) == [b"\1", 1.0, b"\2"]


def test_nothing_is_sent_before_a_keyframe(outbox: Outbox) -> None:
    outbox.offer_media(frame(1))
    outbox.offer_media(frame(2, key=True))
    assert taken(outbox) == [b"\2"]


def test_a_viewer_that_is_behind_goes_on_at_the_next_keyframe(outbox: Outbox, clock: Clock) -> None:
    outbox.offer_media(frame(0, key=True))
    for number in range(1, 20):  # it takes nothing
        clock.now += 0.1
        outbox.offer_media(frame(number))
    assert taken(outbox) == []
    assert outbox.skipped == 20
    outbox.offer_media(frame(20))
    outbox.offer_media(frame(21, key=True))
    outbox.offer_media(frame(22))
    assert taken(outbox) == [bytes([21]), bytes([22])]


def test_a_keyframe_replaces_what_has_waited_too_long(outbox: Outbox, clock: Clock) -> None:
    outbox.offer_media(frame(1, key=True))
    clock.now = 0.5
    outbox.offer_media(frame(2, key=True))
    assert taken(outbox) == [b"\2"]


def test_memory_is_bounded_within_a_second_too(outbox: Outbox) -> None:
    outbox.offer_media(frame(0, key=True, size=10_000_000))
    outbox.offer_media(frame(1, size=10_000_000))
    outbox.offer_media(frame(2, size=10_000_000))
    assert outbox.is_empty


def test_of_results_a_viewer_that_is_behind_gets_the_newest(outbox: Outbox, clock: Clock) -> None:
    for number in range(1000):
        clock.now += 0.1
        outbox.offer_result(Result("", number))
    assert len(taken(outbox)) <= 4


def test_a_new_configuration_comes_before_its_frames_and_instead_of_older_ones(outbox: Outbox) -> None:
    outbox.offer_media(frame(1, key=True))
    outbox.offer_config(["config", b"init"])
    outbox.offer_media(frame(2))
    outbox.offer_media(frame(3, key=True))
    assert taken(outbox) == ["config", b"init", b"\3"]


def test_newer_stats_replace_older_ones(outbox: Outbox) -> None:
    for number in range(3):
        outbox.offer_newest("stats", str(number))
    assert taken(outbox) == ["2"]


def test_what_is_no_longer_wanted_is_not_sent(outbox: Outbox) -> None:
    outbox.offer_config(["config"])
    outbox.offer_media(frame(1, key=True))
    outbox.offer_result(Result("", 1))
    outbox.want(media=False, results=False)
    assert outbox.is_empty


def test_the_first_ending_counts(outbox: Outbox) -> None:
    outbox.end(Ending(None))
    outbox.end(Ending(404))
    assert outbox.ending == Ending(None)
