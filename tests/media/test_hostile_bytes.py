"""Stored bytes and upload headers that a fuzzer made: each is understood or refused. `make fuzz` goes on for longer."""

import io
import struct
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from api.requests import tus_headers
from contracts.errors import CorruptData, Malformed
from contracts.results import chunk_codec
from contracts.results.codec import compress, decode_block, decompress, encode_block
from contracts.results.result_file import MAGIC, ResultFile, write
from tests.support.hostile.guided import TARGETS, block, fuzz, header

RUNS = 5_000


@pytest.mark.parametrize("target", TARGETS)
def test_the_fuzzer_finds_nothing(tmp_path: Path, target: str) -> None:
    assert fuzz(target, tmp_path, seed=1, runs=RUNS) == ""


@pytest.mark.parametrize("name", ["frame", "time", "count", "class_id", "score", "box"])
def test_a_block_whose_columns_do_not_fit_is_refused(name: str) -> None:
    content: Any = msgspec.msgpack.decode(decompress(encode_block(block())))
    kind, raw = content["columns"][name]
    content["columns"][name] = [kind, raw[: -4 * np.dtype(kind).itemsize] or raw + raw]
    with pytest.raises(CorruptData, match=r"fit|differ"):
        decode_block(compress(msgspec.msgpack.encode(content)))


def test_counts_that_are_not_those_of_the_objects_are_refused() -> None:
    content: Any = msgspec.msgpack.decode(decompress(encode_block(block())))
    content["columns"]["count"][1] = np.array([1, 1, 2], "<u4").tobytes()
    with pytest.raises(CorruptData, match="do not fit"):
        decode_block(compress(msgspec.msgpack.encode(content)))


@pytest.mark.parametrize("kind", ["<a4", ",i4", "|O", "<f8", "<M8[D]", 7, None])
def test_a_column_of_another_type_is_refused(kind: object) -> None:
    content: Any = msgspec.msgpack.decode(decompress(encode_block(block())))
    content["columns"]["box"][0] = kind
    with pytest.raises(CorruptData, match="another type"):
        decode_block(compress(msgspec.msgpack.encode(content)))


@pytest.mark.parametrize("columns", [70, [], None, {"frame": 3}, {"frame": ["<i8", 3]}])
def test_a_block_of_another_shape_is_refused(columns: object) -> None:
    with pytest.raises(CorruptData, match="cannot be read"):
        decode_block(compress(msgspec.msgpack.encode({"v": 1, "columns": columns})))


def test_a_failure_that_is_no_text_is_refused() -> None:
    with pytest.raises(CorruptData, match="cannot be read"):
        chunk_codec.decode(b"E\x82\xa4code\xa7eout\xa6detail\xa8tootoo l\x1fng")


@pytest.mark.parametrize(
    "change",
    [
        {"offsets": (-5, 100)},
        {"offsets": (100, 50)},
        {"offsets": (0, 2**62)},
        {"offsets": (100,)},
        {"offsets": ()},
        {"header_size": -1},
        {"header_size": 2**62},
    ],
    ids=str,
)
def test_an_index_that_names_other_places_is_refused(change: dict[str, Any]) -> None:
    sink = io.BytesIO()
    write(sink, header(), [block()])
    whole = sink.getvalue()
    start = struct.unpack("<Q8s", whole[-16:])[0]
    index = msgspec.msgpack.decode(decompress(whole[start:-16])) | change
    broken = whole[:start] + compress(msgspec.msgpack.encode(index)) + struct.pack("<Q8s", start, MAGIC)
    with pytest.raises(CorruptData):
        ResultFile(io.BytesIO(broken)).block(0)


def test_upload_headers_that_are_no_ascii_are_refused() -> None:
    with pytest.raises(Malformed, match="filename"):
        tus_headers.form_of("filename YS5t\x91DQ=,tags YSxi")
    with pytest.raises(Malformed, match="not base64"):
        tus_headers.checksum_of({"upload-checksum": "sha1 \xe9\xe9"})
