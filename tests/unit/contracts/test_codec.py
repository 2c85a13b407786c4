"""Blocks of detections against a naive version of them, and their bytes."""

import hashlib
from contextlib import suppress
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import CorruptData
from contracts.results.codec import (
    EMPTY,
    VERSION,
    Block,
    Detections,
    compress,
    concat,
    decode_block,
    decompress,
    encode_block,
    mask_column,
    pack,
)

# The naive version: a frame is (number, time, [(class, score, box, mask), ...]) in whole numbers as kept.
Frame = tuple[int, int, list[tuple[int, int, tuple[int, ...], bytes | None]]]


def _found(mask: st.SearchStrategy[bytes | None]) -> st.SearchStrategy[Any]:
    box = st.tuples(*[st.integers(-1_000_000, 2_000_000)] * 4)
    return st.lists(st.tuples(st.integers(0, 65_535), st.integers(0, 10_000), box, mask), max_size=5)


@st.composite
def some_frames(draw: st.DrawFn, most: int = 12) -> list[Frame]:
    """With masks or without."""
    first = draw(st.integers(0, 10**9))
    times = draw(st.lists(st.integers(-(2**40), 2**40), unique=True, max_size=most))
    found = _found(draw(st.sampled_from([st.none(), st.binary(max_size=9)])))
    return [(first + i, time, draw(found)) for i, time in enumerate(sorted(times))]


def to_block(frames: list[Frame]) -> Block:
    found = [
        Detections(
            np.array([item[0] for item in items], np.int64),
            np.array([item[1] / 10_000 for item in items], np.float64),
            np.array([item[2] for item in items], np.float64).reshape(-1, 4) / 100,
            mask_column([item[3] for item in items if item[3] is not None])
            if items and items[0][3] is not None
            else None,
        )
        for _, _, items in frames
    ]
    return pack(frames[0][0] if frames else 0, [time for _, time, _ in frames], found)


def to_frames(block: Block) -> list[Frame]:
    bounds = pairwise(block.offsets())
    return [
        (
            int(number),
            int(time),
            [
                (
                    int(block.class_id[i]),
                    int(block.score[i]),
                    tuple(int(side) for side in block.box[i]),
                    None if block.mask is None else block.mask[i],
                )
                for i in range(low, high)
            ],
        )
        for number, time, (low, high) in zip(block.frame, block.time, bounds, strict=True)
    ]


def cut(frames: list[Frame], cuts: list[int]) -> list[Block]:
    """The frames as several blocks."""
    bounds = [0, *sorted(min(c, len(frames)) for c in cuts), len(frames)]
    return [to_block(frames[low:high]) for low, high in pairwise(bounds)]


@settings(max_examples=60)
@given(some_frames())
def test_encoded_block_is_decoded_unchanged(frames: list[Frame]) -> None:
    """With its masks, or without where these are not wanted; equal blocks are equal bytes, whatever their memory."""
    block = to_block(frames)
    data = encode_block(block)
    decoded = decode_block(data)
    assert to_frames(block) == to_frames(decoded) == frames
    plain = [(number, time, [(*rest, None) for *rest, _ in found]) for number, time, found in frames]
    assert to_frames(decode_block(data, masks=False)) == plain
    columns = (getattr(block, field.name) for field in fields(Block))
    strided = Block(*(None if column is None else np.repeat(column, 2, axis=0)[::2] for column in columns))  # type: ignore[arg-type]
    assert encode_block(strided) == encode_block(decoded) == data


@settings(max_examples=60)
@given(some_frames(), st.integers(0, 13), st.integers(0, 13))
def test_a_slice_is_the_slice_of_the_list(frames: list[Frame], one: int, other: int) -> None:
    start, stop = sorted((min(one, len(frames)), other))
    assert to_frames(to_block(frames).slice(start, stop)) == frames[start:stop]


@settings(max_examples=60)
@given(some_frames(), st.lists(st.integers(0, 12), max_size=4))
def test_concatenated_parts_equal_the_whole(frames: list[Frame], cuts: list[int]) -> None:
    assert to_frames(concat(cut(frames, cuts))) == frames
    assert len(concat([])) == len(EMPTY) == 0


@settings(max_examples=60)
@given(some_frames(), st.integers(0, 65_535), st.booleans())
def test_keeping_some_is_filtering_the_list(frames: list[Frame], least: int, drop: bool) -> None:
    block = to_block(frames)
    kept = [(number, time, [item for item in items if item[0] >= least]) for number, time, items in frames]
    expected = [frame for frame in kept if frame[2]] if drop else kept
    assert to_frames(block.keep(block.class_id >= least, drop)) == expected


@settings(max_examples=20)
@given(some_frames(), st.lists(st.booleans(), min_size=12, max_size=12), st.integers(0, 12), st.integers(0, 65_535))
def test_filled_frames_stay_marked(frames: list[Frame], marks: list[bool], at: int, least: int) -> None:
    marks, at = marks[: len(frames)], min(at, len(frames))
    block = replace(to_block(frames), filled=np.array(marks, bool))
    data = encode_block(block)
    assert decode_block(data).is_filled.tolist() == marks
    assert (data == encode_block(to_block(frames))) is not any(marks)  # no byte more where none is filled
    inferred = replace(block.slice(0, at), filled=None)
    joined = concat([inferred, block.slice(at, len(block))])
    assert joined.is_filled.tolist() == [False] * len(inferred) + marks[at:]
    kept = [mark for mark, (_, _, items) in zip(marks, frames, strict=True) if any(item[0] >= least for item in items)]
    assert block.keep(block.class_id >= least, drop_empty=True).is_filled.tolist() == kept
    some = block.of_frames(block.is_filled)
    assert to_frames(some) == [frame for frame, mark in zip(frames, marks, strict=True) if mark]
    assert some.is_filled.all()


def test_marks_that_do_not_fit_the_frames_are_noticed() -> None:
    content = msgspec.msgpack.decode(decompress(encode_block(to_block(example(3)))))
    content["columns"]["filled"] = ["|u1", b"\0\1"]
    with pytest.raises(CorruptData, match="filled"):
        decode_block(compress(msgspec.msgpack.encode(content)))


def test_rounding_is_to_four_and_two_decimals() -> None:
    found = Detections(np.array([1]), np.array([0.12346]), np.array([[1.234, 5.678, -0.004, 10.0]]))
    assert to_frames(pack(0, [0], [found])) == [(0, 0, [(1, 1235, (123, 568, 0, 1000), None)])]


@pytest.mark.parametrize("mask", [None, b"04"], ids=["plain", "masks"])
def test_every_flipped_bit_is_detected_or_harmless(mask: bytes | None) -> None:
    data = encode_block(to_block(example(6, mask)))
    for damaged in damages(data):
        check(lambda content=damaged: encode_block(decode_block(content)), data)


def test_truncated_block_is_refused() -> None:
    data = encode_block(to_block(example(6)))
    for length in range(len(data)):
        with pytest.raises(CorruptData):
            decode_block(data[:length])


@pytest.mark.parametrize("content", [{}, {"v": 1}, {"v": 1, "columns": {"frame": ["<i8"]}}, [1], 7])
def test_data_that_is_not_a_block_is_refused(content: Any) -> None:
    with pytest.raises(CorruptData):
        decode_block(compress(msgspec.msgpack.encode(content)))


def test_a_later_version_asks_for_a_newer_release() -> None:
    data = compress(msgspec.msgpack.encode({"v": VERSION + 1, "columns": {}}))
    with pytest.raises(CorruptData, match="newer release"):
        decode_block(data)


def test_a_column_of_a_later_release_is_left_out() -> None:
    content = msgspec.msgpack.decode(decompress(encode_block(to_block(example(3)))))
    content["columns"]["track_id"] = ["<i8", b"\0" * 8]
    assert to_frames(decode_block(compress(msgspec.msgpack.encode(content)))) == example(3)


def test_block_without_masks_has_the_bytes_of_the_first_release() -> None:
    data = encode_block(to_block(example(6)))
    assert (
        hashlib.sha256(decompress(data)).hexdigest()
        == "ab0a16076332fbecdc028e6757d1347a30a8fbe1e580deb2afb0bb34bf9cf98c"
    )
    assert set(msgspec.msgpack.decode(decompress(data))["columns"]) == {
        "frame", "time", "count", "class_id", "score", "box",
    }  # fmt: skip


def test_concatenation_with_empty_frames_keeps_masks() -> None:
    empty = Detections(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 4)), mask_column([]))
    one = Detections(np.array([1]), np.array([0.5]), np.ones((1, 4)), mask_column([b"04"]))
    whole = pack(0, [0, 1, 2], [empty, one, empty])
    parts = concat([EMPTY, *(pack(n, [n], [item]) for n, item in enumerate([empty, one, empty]))])
    assert encode_block(parts) == encode_block(whole)
    assert encode_block(whole.slice(2, 3)) == encode_block(decode_block(encode_block(pack(2, [2], [empty]))))
    assert encode_block(pack(2, [2], [empty])) != encode_block(pack(2, [2], [replace(empty, mask=None)]))


def test_masks_of_some_detections_only_are_refused() -> None:
    with_mask, without = example(2, b"04"), [(7, 7, example(2)[1][2])]
    with pytest.raises(ValueError, match="some"):
        concat([to_block(with_mask), to_block(without)])


def test_masks_that_do_not_fit_their_detections_are_noticed() -> None:
    content = msgspec.msgpack.decode(decompress(encode_block(to_block(example(3, b"04")))))
    for sizes in ([2, 2], [2, 2, 3], [1, 1, 2]):
        content["columns"]["mask_size"] = ["<u4", np.array(sizes, "<u4").tobytes()]
        with pytest.raises(CorruptData, match="masks"):
            decode_block(compress(msgspec.msgpack.encode(content)))


def example(frames: int, mask: bytes | None = None) -> list[Frame]:
    return [
        (n, n * 3003, [(n % 80, 9000 - n, (n, 2 * n, n + 500, 2 * n + 500), mask)] * (n % 3)) for n in range(frames)
    ]


def damages(data: bytes) -> list[bytes]:
    """The data with each of its bits turned, one at a time."""
    whole = int.from_bytes(data, "big")
    return [(whole ^ (1 << bit)).to_bytes(len(data), "big") for bit in range(len(data) * 8)]


def check(read: Any, good: Any) -> None:
    """Reading gives what was written (a bit that says nothing was hit) or CorruptData, and nothing else."""
    with suppress(CorruptData):
        assert read() == good


@settings(max_examples=60)
@given(some_frames(), st.data())
def test_numbers_of_tracks_stay_with_their_detections_and_are_not_encoded(
    frames: list[Frame], data: st.DataObject
) -> None:
    block = to_block(frames)
    numbered = replace(block, track=block.score.astype(np.int32))  # each detection's score tells where it went
    wanted = np.array(data.draw(st.lists(st.booleans(), min_size=len(block.score), max_size=len(block.score))), bool)
    start, stop = sorted(data.draw(st.tuples(st.integers(0, len(block)), st.integers(0, len(block)))))
    parts = (
        numbered.slice(start, stop),
        numbered.keep(wanted, drop_empty=True),
        numbered.of_frames(block.count > 1),
        concat([numbered.slice(0, start), numbered.slice(start, len(block))]),
    )
    for part in parts:
        assert part.tracks.tolist() == part.score.tolist()
    assert block.tracks.tolist() == [0] * len(block.score)
    assert encode_block(numbered) == encode_block(block)
