"""Work that runs ahead: the same items, never too many of them, and a thread that ends when it shall."""

import threading
import time
from collections.abc import Callable, Generator

import pytest

from detector.ahead import Stopped, ahead

Check = Callable[[], None]


def nothing() -> None:
    pass


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "ahead"]


def test_the_items_come_in_their_order_from_another_thread() -> None:
    def make(check: Check) -> Generator[tuple[int, str], None, None]:
        for number in range(100):
            yield number, threading.current_thread().name

    with ahead(make, 4, nothing, 1) as items:
        assert list(items) == [(number, "ahead") for number in range(100)]
    assert threads() == []


def test_no_more_is_made_ahead_than_there_is_room() -> None:
    made = 0

    def make(check: Check) -> Generator[int, None, None]:
        nonlocal made
        while True:
            made += 1
            yield made

    with ahead(make, 4, nothing, 1) as items:
        for taken in range(1, 20):
            assert next(items) == taken
            time.sleep(0.01)
            assert made <= taken + 5  # four that wait, and one that wants to
        assert made > 5


def test_an_error_comes_after_the_items_before_it() -> None:
    def make(check: Check) -> Generator[int, None, None]:
        yield 1
        raise LookupError("no more")

    with ahead(make, 4, nothing, 1) as items:
        assert next(items) == 1
        with pytest.raises(LookupError, match="no more"):
            next(items)
    assert threads() == []


def test_leaving_early_closes_the_generator_and_ends_the_thread() -> None:
    closed: list[bool] = []

    def make(check: Check) -> Generator[int, None, None]:
        try:
            yield from range(1000)
        finally:
            closed.append(True)

    with ahead(make, 4, nothing, 1) as items:
        next(items)
    assert closed == [True]
    assert threads() == []


def test_work_that_gives_nothing_for_long_is_stopped_where_it_checks() -> None:
    began, stopped = threading.Event(), threading.Event()

    def make(check: Check) -> Generator[int, None, None]:
        began.set()
        try:
            while True:
                check()
                time.sleep(0.001)
        except Stopped:
            stopped.set()
            raise
        yield 0

    with ahead(make, 4, nothing, 1):
        began.wait(10)
    assert stopped.is_set()
    assert threads() == []


def test_who_waits_is_told_now_and_then_and_may_end_it() -> None:
    idle = 0

    def make(check: Check) -> Generator[int, None, None]:
        while True:
            check()
            time.sleep(0.001)
        yield 0

    def enough() -> None:
        nonlocal idle
        idle += 1
        if idle == 3:
            raise TimeoutError

    with pytest.raises(TimeoutError), ahead(make, 4, enough, 0.01) as items:
        next(items)
    assert idle == 3
    assert threads() == []
