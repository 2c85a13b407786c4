"""Frames that change their size on the way: all of each is seen, and boxes are in pixels of the first size."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from contracts.errors import VideoRefused
from contracts.models import catalogue
from contracts.wire.messages import Chunk, Media
from detector.decode.parent import Budget, Decoders, Images
from detector.heads import nanodet
from detector.view import view, whole
from media.orientation import Orientation
from processor.core.chunk_messages import chunks as chunks_of
from processor.core.cutting import Cutter
from processor.probe.child import Limits, inspect
from processor.renditions.frames import numbered_frames, opened
from processor.renditions.picture import ToPicture
from tests.support.detecting import run
from tests.support.models.fake_engine import FakeEngine, write_model
from tests.support.videos.clips import JOB, plan
from tests.support.videos.sizes import QUARTERS, changing, scene

SIZES = ((96, 72), (128, 96), (48, 64), (32, 24))
CASES = [("webm", "libvpx"), ("webm", "libvpx-vp9"), ("mpegts", "libx264"), ("matroska", "libx264")]
DECODERS = Decoders(Budget(10**9, 10**12))


@pytest.fixture(scope="module", autouse=True)
def _fork_server() -> Iterator[None]:
    yield
    DECODERS.close()


def planned(content: bytes, **options: Any) -> tuple[Chunk, Media]:
    """All frames of a video as one chunk."""
    report = inspect(io.BytesIO(content), Limits(10**8, 10**6, 10**14))
    assert report.media is not None
    assert report.index is not None
    (chunk,) = chunks_of(Cutter(report.index).cut(1000), report.media, report.index, plan(**options), JOB, "x")
    return chunk, report.media


def quarters(image: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The colours in the middle of the four quarters of an image."""
    rows, columns = (slice(edge // 4, None, edge // 2) for edge in image.shape[:2])
    return image[rows, columns].reshape(-1, 3).astype(int)


@pytest.mark.parametrize(("container", "codec"), CASES)
def test_all_of_each_frame_is_looked_at(container: str, codec: str) -> None:
    content = changing(container, codec, SIZES)
    chunk, media = planned(content)
    assert ((media.width, media.height), media.frame_sizes) == (SIZES[0], SIZES)
    with DECODERS.images(Images, io.BytesIO(content), chunk, whole((96, 72)), "RGB", lambda: None, 1) as images:
        seen = [quarters(image) for _, image in images]
    assert len(seen) == 24
    assert np.abs(np.array(seen) - QUARTERS).max() <= 12


def test_a_region_is_the_same_part_of_each_frame() -> None:
    content = changing("webm", "libvpx", SIZES)
    chunk, _ = planned(content, region=(0.5, 0.5, 1.0, 1.0))
    with DECODERS.images(Images, io.BytesIO(content), chunk, whole((48, 36)), "RGB", lambda: None, 1) as images:
        seen = [image[6:-6, 6:-6].mean(axis=(0, 1)) for _, image in images]
    assert len(seen) == 24
    assert np.abs(np.array(seen) - QUARTERS[3]).max() <= 12


@pytest.mark.parametrize("region", [None, (0.5, 0.0, 1.0, 0.5)])
def test_boxes_are_in_pixels_of_the_first_size(
    region: tuple[float, float, float, float] | None, tmp_path: Path
) -> None:
    content = changing("webm", "libvpx", SIZES)
    chunk, _ = planned(content, region=region)
    path = write_model(tmp_path / "fake.json", catalogue.bundled("nanodet-g"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    model = replace(catalogue.bundled("nanodet-g"), fit="pad_centre", sha256=digest)
    engine = FakeEngine()
    engine.setup(model, path, "auto")
    found = run(chunk, io.BytesIO(content), DECODERS, engine, model, lambda *_: None, lambda: False)
    left, top, share = (0.0, 0.0, 1.0) if region is None else (0.5, 0.0, 0.5)
    parts = [(round(width * share), round(height * share)) for width, height in SIZES for _ in range(6)]
    laid_out = view(model, parts[0])
    with DECODERS.images(Images, io.BytesIO(content), chunk, laid_out, model.channels, lambda: None, 1) as images:
        pixels = [image.copy() for _, image in images]
    assert len(pixels) == len(found.block) == 24
    for image, part, box in zip(pixels, parts, found.block.box / 100, strict=True):
        (outputs,) = engine.infer([image])
        alone = nanodet.decode(outputs, model, view(model, part), 0.3).box[0] / [*part, *part]
        expected = (alone * share + [left, top, left, top]) * [*SIZES[0], *SIZES[0]]
        assert box == pytest.approx(expected, abs=0.02)


def test_a_copy_has_one_size_and_shows_all_of_each_frame() -> None:
    content = changing("mpegts", "libx264", SIZES)
    report = inspect(io.BytesIO(content), Limits(10**8, 10**6, 10**14))
    assert report.index is not None
    to_picture = ToPicture(Orientation(), (96, 72))
    with opened(io.BytesIO(content), report.index) as video:
        pictures = [to_picture(frame) for _, _, frame in numbered_frames(video, report.index)]
    seen: list[Any] = [picture.to_frame().to_ndarray(format="rgb24") for picture in pictures]
    assert [image.shape for image in seen] == [(72, 96, 3)] * 24
    assert np.abs([quarters(image) - quarters(scene((96, 72))) for image in seen]).max() <= 12


@pytest.mark.parametrize(("container", "codec"), [("mp4", "libx264"), ("mpegts", "libx265"), ("webm", "libsvtav1")])
def test_the_probe_lists_the_sizes_of_frames(container: str, codec: str) -> None:
    sizes = ((64, 64), (128, 96), (64, 64))
    assert planned(changing(container, codec, sizes))[1].frame_sizes == sizes[:2]


def test_one_size_is_not_listed() -> None:
    assert planned(changing("mpegts", "libx264", SIZES[:1]))[1].frame_sizes is msgspec.UNSET


def test_a_later_size_above_the_limit_is_refused() -> None:
    content = changing("webm", "libvpx", ((32, 24), (128, 96)))
    with pytest.raises(VideoRefused, match="128x96"):
        inspect(io.BytesIO(content), Limits(5000, 10**6, 10**14))
