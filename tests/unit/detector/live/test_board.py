"""Whose image an engine takes next: the newest of each stream, in turns."""

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from detector.decode.live_protocol import LIVE_SLOTS
from detector.live.board import Board

MEMORY = object()


@dataclass(frozen=True)
class Image:
    stream: str
    number: int
    memory: object = None
    slot: int = 0


def offered(board: Board[Image], stream: str, number: int) -> Image | None:
    return board.put(stream, Image(stream, number, MEMORY, board.free_slot(stream, MEMORY)))


def test_the_newest_image_replaces_one_that_was_not_taken() -> None:
    board: Board[Image] = Board()
    board.join("a")
    assert offered(board, "a", 0) is None
    replaced = offered(board, "a", 1)
    assert replaced is not None
    assert replaced.number == 0
    taken = board.take()
    assert taken is not None
    assert taken.number == 1
    assert board.take() is None


def test_no_slot_is_written_while_its_image_waits_or_is_read() -> None:
    board: Board[Image] = Board()
    board.join("a")
    offered(board, "a", 0)
    reading = board.take()
    assert reading is not None
    offered(board, "a", 1)
    assert board.free_slot("a", MEMORY) not in {reading.slot, 1 - reading.slot}
    assert board.free_slot("a", object()) == 0
    board.release()
    assert board.free_slot("a", MEMORY) == reading.slot


def test_who_leaves_is_read_to_the_end_and_can_come_back() -> None:
    board: Board[Image] = Board()
    board.join("a")
    offered(board, "a", 0)
    board.take()
    offered(board, "a", 1)
    left = board.leave("a")
    assert left is not None
    assert left.number == 1
    assert board.is_read("a")
    board.release()
    assert not board.is_read("a")
    assert board.leave("a") is None


@given(st.lists(st.one_of(st.none(), st.sampled_from("abcd")), max_size=200))
def test_whatever_comes_is_taken_once_or_replaced_and_none_waits_behind_one_that_was_served_later(
    steps: list[str | None],
) -> None:
    """A letter: that stream offers an image; None: the engine takes one."""
    board: Board[Image] = Board()
    for stream in "abcd":
        board.join(stream)
    sent = taken = replaced = 0
    served: dict[str, int] = dict.fromkeys("abcd", -1)
    ready: dict[str, int] = {}
    for step, offering in enumerate(steps):
        if offering is not None:
            sent += 1
            assert 0 <= board.free_slot(offering, MEMORY) < LIVE_SLOTS
            replaced += offered(board, offering, step) is not None
            ready[offering] = step
            continue
        image = board.take()
        assert (image is None) == (not ready)
        if image is not None:
            taken += 1
            assert ready.pop(image.stream) == image.number, "the newest"
            assert all(served[image.stream] <= served[other] for other in ready)
            served[image.stream] = step
    assert sent == taken + replaced + len(ready)


@given(st.lists(st.integers(1, 5), min_size=2, max_size=8))
def test_every_stream_gets_its_share_of_an_engine_that_is_too_slow(speeds: list[int]) -> None:
    """Each stream offers so many images between two that the engine takes."""
    board: Board[Image] = Board()
    names = [str(number) for number in range(len(speeds))]
    for name in names:
        board.join(name)
    served: Counter[str] = Counter()
    for step in range(50 * len(names)):
        for name, speed in zip(names, speeds, strict=True):
            for _ in range(speed):
                offered(board, name, step)
        image = board.take()
        assert image is not None
        served[image.stream] += 1
    assert set(served.values()) == {50}
