"""The files of tests/cases through probe, plan and decoding, and its models through `models add`."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import VideoRefused
from contracts.models.catalogue import Catalogue
from contracts.wire.messages import ProbeReport
from detector.decode.frames import ToImage, decode
from detector.view import whole
from media.orientation import orientation_of
from tests.media.test_formats import CHUNK_SIZES, chunks, probed
from tests.support.models_command import Command
from tests.support.servers.valkey import Valkey
from tests.support.videos.cases import FOLDER, READ, REFUSED, Case, file, plain
from tests.support.videos.formats import planes
from tests.support.whole_jobs import WholeJobs

# What cuts most and what cuts nothing; in the long tier another too.
SIZES = ((7, 1000), pytest.param((7, 24, 1000), marks=pytest.mark.long))
TILED = ("pictures/tiles.heic", "pictures/tiles_turned.heic")


@pytest.fixture(scope="module", params=READ)
def read(request: pytest.FixtureRequest) -> tuple[str, Case, ProbeReport]:
    return request.param, READ[request.param], probed(file(request.param))


def test_the_media_is_right(read: tuple[str, Case, ProbeReport]) -> None:
    _, case, report = read
    found = {"mirrored": False} | msgspec.json.decode(msgspec.json.encode(report.media))
    assert found["frames"] == case.frames
    assert found["damage"] is None
    assert {key: found[key] for key in case.facts} == case.facts


def test_the_times_are_right_and_never_fall(read: tuple[str, Case, ProbeReport]) -> None:
    _, case, report = read
    [chunk] = chunks(report, 1000)
    assert report.index is not None
    numerator, denominator = report.index.time_base
    times = [time * 1000 * numerator / denominator for time in chunk.times]
    assert times == pytest.approx(case.times_ms, abs=1)
    assert times == sorted(times)


@pytest.mark.parametrize("size", CHUNK_SIZES)
def test_the_chunks_together_are_the_plain_decode(read: tuple[str, Case, ProbeReport], size: int) -> None:
    name, case, report = read
    found = [
        (chunk.numbers[place], planes(frame))
        for chunk in chunks(report, size)
        for place, frame in decode(file(name).source(), chunk)
    ]
    assert [number for number, _ in found] == list(range(case.frames))
    if name not in TILED:  # PyAV decodes tiles one by one
        assert [content for _, content in found] == [planes(frame) for frame in plain(name)]


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory, valkey: Valkey) -> Iterator[WholeJobs]:
    made = WholeJobs(tmp_path_factory.mktemp("jobs"), valkey)
    yield made
    made.close()


@pytest.mark.parametrize("sizes", SIZES)
def test_chunks_of_any_size_give_the_same_result_file(
    read: tuple[str, Case, ProbeReport], jobs: WholeJobs, sizes: tuple[int, ...]
) -> None:
    name, case, report = read
    video = jobs.add_video(file(name).content, report)
    counts, results = zip(*(jobs.run(video, size) for size in sizes), strict=True)
    assert results[1:] == results[:-1]
    assert counts[0] > 1 or case.frames < 14, "it is one chunk: it proves nothing"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_refused_by_what_it_is_with_what_helps(name: str) -> None:
    with pytest.raises(VideoRefused, match=REFUSED[name]):
        probed(file(name))


def seen(name: str, size: tuple[int, int] | None = None) -> NDArray[np.int64]:
    """The first frame as a model sees it, RGB."""
    [chunk, *_] = chunks(probed(file(name)), 1000)
    _, frame = next(decode(file(name).source(), chunk))
    view = whole(size or (chunk.width, chunk.height))
    return ToImage(orientation_of(chunk), view, "RGB")(frame).astype(int)


def rgb(name: str, **options: Any) -> NDArray[np.int64]:
    """The first frame of a plain decode."""
    return plain(name)[0].to_ndarray(format="rgb24", **options).astype(int)


def test_tiles_are_the_photograph_in_one_piece() -> None:
    whole_one = seen("pictures/one_piece.heic")
    for name, expected in zip(TILED, (whole_one, np.rot90(whole_one, -1)), strict=True):
        assert np.abs(seen(name) - expected).mean() < 1


def test_display_matrices_mirror_as_players_do() -> None:
    assert np.array_equal(seen("pictures/mirrored.mp4"), np.fliplr(rgb("pictures/mirrored.mp4")))
    turned = rgb("pictures/turned_and_mirrored.mp4").transpose(1, 0, 2)
    assert np.array_equal(seen("pictures/turned_and_mirrored.mp4"), turned)


def test_high_dynamic_range_looks_as_the_photograph_that_it_was_made_from() -> None:
    assert np.abs(seen("pictures/hlg.mp4", (360, 270)) - rgb("pictures/hlg_reference.png")).mean() < 4


def test_untagged_high_definition_is_bt709() -> None:
    found = seen("pictures/untagged_hd.mp4")
    assert np.array_equal(found, rgb("pictures/untagged_hd.mp4", src_colorspace=1))
    assert not np.array_equal(found, rgb("pictures/untagged_hd.mp4", src_colorspace=5))


THREE = ("person", "bicycle", "car")
MODELS: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "rtdetr": ([], {"head": "detr", "labels": THREE, "fit": "stretch"}, r"person 0\.90 \[168 135 312 225\]"),
    "rtdetr_dynamic": (
        ["--input-size", "320x320"],
        {"head": "detr", "labels": THREE, "fit": "stretch"},
        r"person 0\.90 \[168 135 312 225\]",
    ),
    "yolov5_one_class": (
        [],
        {"head": "yolox", "labels": ("helmet",), "fit": "pad_centre", "channels": "RGB", "std": (255.0,) * 3},
        r"helmet 0\.90 \[165 120 315 240\]",
    ),
    "yolov8_json_names": (
        [],
        {"head": "yolo", "labels": THREE, "fit": "pad_centre"},
        r"person 0\.90 \[165 120 315 240\]",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_exports_of_others_are_read(name: str, command: Command) -> None:
    arguments, expected, line = MODELS[name]
    assert command("add", FOLDER / f"models/{name}.onnx", *arguments) == 0, command.err
    model = Catalogue(command.models).get(name)
    assert {key: getattr(model, key) for key in expected} == expected
    assert re.search(line, command.out)


def test_an_export_for_images_of_any_size_asks_for_one(command: Command) -> None:
    assert command("add", FOLDER / "models/rtdetr_dynamic.onnx") == 1
    assert "--input-size 640x640" in command.err
