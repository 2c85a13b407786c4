"""The bytes of a result file."""

import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import CorruptData
from contracts.results import result_file
from contracts.results.codec import Block, concat, decode_block, encode_block
from contracts.wire.messages import SCHEMA, Media, Options, Plan, ResultHeader
from tests.unit.contracts.test_codec import Frame, check, cut, damages, example, to_block, to_frames

HEADER = ResultHeader(
    SCHEMA,
    Media("mp4", "h264", 64, 48, 90, "4:3", 1000.5, 700, 29.97, True),
    (1, 90_000),
    Plan("m", "0" * 64, "e", "fp32", Options(labels=("cat",))),
    ("cat", "dog"),
    True,
)


def encoded_file(chunks: list[Block]) -> bytes:
    sink = io.BytesIO()
    result_file.write(sink, HEADER, chunks)
    return sink.getvalue()


def read_result(data: bytes) -> tuple[ResultHeader, list[Frame]]:
    opened = result_file.ResultFile(io.BytesIO(data))
    blocks = [opened.block(position) for position in range(len(opened.starts))]
    return opened.header, to_frames(concat(blocks))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 700), max_size=6))
def test_result_file_is_independent_of_the_chunks(cuts: list[int]) -> None:
    assert encoded_file(cut(example(700), cuts)) == encoded_file([to_block(example(700))])


@pytest.mark.parametrize("cuts", [[300], [256, 512], [1, 299, 301, 699]])
def test_result_file_is_independent_of_the_chunks_where_some_frames_are_filled(cuts: list[int]) -> None:
    whole = replace(to_block(example(700)), filled=np.arange(700) // 300 == 1)
    chunks = [whole.slice(low, high) for low, high in pairwise([0, *cuts, 700])]
    # As a detector leaves it out of a chunk that has none.
    chunks = [decode_block(encode_block(chunk)) for chunk in chunks]
    assert encoded_file(chunks) == encoded_file([whole])


@pytest.mark.parametrize("mask", [None, b"04"], ids=["plain", "masks"])
@pytest.mark.parametrize("frames", [0, 1, 255, 256, 257, 700])
def test_result_file_is_read_back_unchanged(frames: int, mask: bytes | None) -> None:
    data = encoded_file([to_block(example(frames, mask))])
    assert read_result(data) == (HEADER, example(frames, mask))
    assert result_file.ResultFile(io.BytesIO(data)).starts == tuple(range(0, frames, result_file.BLOCK_FRAMES))


def test_damage_of_a_result_file_is_detected_or_harmless() -> None:
    data = encoded_file([to_block(example(4))])
    good = read_result(data)
    for damaged in damages(data):
        check(lambda content=damaged: read_result(content), good)
    for length in range(len(data)):
        with pytest.raises(CorruptData):
            read_result(data[:length])
