"""Putting chunks together: what is missing is named, and nothing is counted twice."""

from dataclasses import replace
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from contracts.errors import CorruptData
from contracts.results.codec import Block, Detections, concat, pack
from contracts.wire.messages import SCHEMA, Chunk, ChunkFailure, FrameRange, Options, Plan
from processor.core.merging import MOST_RANGES, Tally, bounded, check, join

CHUNK = Chunk(
    schema=SCHEMA,
    job_id="job",
    index=1,
    video_key="videos/x/content",
    plan=Plan("m", "0", "openvino", "fp32", Options()),
    clock="pts",
    rotation=0,
    width=10,
    height=10,
    seeks=(None,),
    first_frame=100,
    times=(0, 10, 20, 30, 40),
    end=None,
)


def block(*classes: list[int], first: int = 100, times: tuple[int, ...] = CHUNK.times) -> Block:
    frames = [Detections(np.array(c), np.full(len(c), 0.5), np.zeros((len(c), 4))) for c in classes]
    return pack(first, times[: len(frames)], frames)


def test_complete_chunk_has_no_missing_ranges() -> None:
    whole = block([0], [], [1, 1], [0], [2])
    assert check(CHUNK, whole, "lost") == (whole, [])


def test_a_failed_and_an_absent_chunk_are_ranges_with_a_reason() -> None:
    assert check(CHUNK, ChunkFailure("decode_failed", "broken"), "lost")[1] == [FrameRange(100, 104, "broken")]
    assert check(CHUNK, None, "lost")[1] == [FrameRange(100, 104, "lost")]


def test_frames_that_were_not_decoded_are_named() -> None:
    parts = block([0], [0], [0], [0], [0])
    holed = concat([parts.slice(0, 1), parts.slice(3, 4)])
    _, missing = check(CHUNK, holed, "lost")
    assert [(item.first, item.last) for item in missing] == [(101, 102), (104, 104)]


@pytest.mark.parametrize(
    "wrong",
    [
        block([0], [0], first=99),
        block([0], [0], times=(1, 2)),
        concat([block([0]), block([0])]),
        block([0], [0], [0], first=103, times=(30, 40, 50)),
    ],
    ids=["before", "other times", "twice", "past the end"],
)
def test_unrequested_frames_are_refused(wrong: Block) -> None:
    with pytest.raises(CorruptData):
        check(CHUNK, wrong, "lost")


def test_adjacent_ranges_with_the_same_reason_are_joined() -> None:
    ranges = [FrameRange(0, 4, "a"), FrameRange(5, 9, "a"), FrameRange(10, 11, "b"), FrameRange(20, 21, "b")]
    following = {4: 5, 9: 10, 11: 12}
    assert join(ranges, following) == (FrameRange(0, 9, "a"), FrameRange(10, 11, "b"), FrameRange(20, 21, "b"))


def test_sampled_frames_are_checked_by_their_numbers() -> None:
    sampled = msgspec.structs.replace(CHUNK, sampled=(100, 110, 120, 130, 140))
    whole = replace(block([0], [0], [0], [0], [0]), frame=np.array([100, 110, 120, 130, 140]))
    assert check(sampled, whole, "lost") == (whole, [])
    holed = concat([whole.slice(0, 1), whole.slice(3, 5)])
    assert [(item.first, item.last) for item in check(sampled, holed, "lost")[1]] == [(110, 120)]
    assert check(sampled, None, "lost")[1] == [FrameRange(100, 140, "lost")]
    with pytest.raises(CorruptData):
        check(sampled, block([0], [0]), "lost")


def test_summary_is_independent_of_the_chunks() -> None:
    whole = block([0, 0, 1], [], [1, 1], [0, 0, 0], [0, 0, 0])
    whole = replace(whole, filled=np.array([False, True, True, False, False]))
    summaries = []
    for bounds in ([0, 5], [0, 1, 2, 5], [0, 3, 5]):
        tally = Tally(("cat", "dog", "cow"), (1, 10))
        for start, stop in pairwise(bounds):
            tally.add(whole.slice(start, stop))
        summaries.append(tally.summary(seconds=2, detector_seconds=0.05, cpu_seconds=0.1234))
    assert summaries[0] == summaries[1] == summaries[2]
    assert msgspec.json.decode(msgspec.json.encode(summaries[0])) == {
        "frames": 5,
        "frames_inferred": 3,
        "seconds": 2,
        "ms_per_frame": 10.0,
        "detector_cpu_seconds": 0.123,
        "labels": {
            "cat": {"detections": 8, "frames": 3, "max_in_frame": 3, "max_at_ms": 3000.0},
            "dog": {"detections": 3, "frames": 2, "max_in_frame": 2, "max_at_ms": 2000.0},
        },
        "top_labels": ["cat", "dog"],
    }


def test_very_many_missing_ranges_are_bounded_and_none_is_lost() -> None:
    few = tuple(FrameRange(number * 2, number * 2, "lost") for number in range(MOST_RANGES))
    assert bounded(few) == few
    many = (*few, FrameRange(3000, 3009, "cancelled"))
    short = bounded(many)
    assert len(short) == MOST_RANGES
    assert short[:-1] == few[:-1]
    assert short[-1] == FrameRange(1998, 3009, "2 parts of this range: lost; cancelled")
