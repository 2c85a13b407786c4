"""Photographs of telephones: HEIC and AVIF in tiles, turned and cut, are seen as a player shows them."""

import io
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from contracts.errors import DecodeFailed, VideoRefused
from contracts.settings.table import Settings
from contracts.storage.local import LocalStorage
from contracts.wire.messages import Media, ProbeReport
from detector.decode.frames import ToImage, decode
from detector.view import whole
from media.orientation import orientation_of
from media.seekable_video import Video
from processor.core.chunk_messages import chunks
from processor.core.cutting import Cutter
from processor.probe.ask import probe
from processor.probe.child import Limits, inspect
from tests.support.videos import heif
from tests.support.videos.clips import JOB, plan

Image8 = NDArray[np.uint8]

LIMITS = Limits(10**9, 10**9, 10**15)
TILE = 64
Y, X = np.mgrid[: 2 * TILE, : 3 * TILE]
# Smooth, so that coding changes little; bright at the top left alone.
PICTURE = np.stack([255 - X, 200 - Y, (X + Y) // 2 + 40], axis=2).astype(np.uint8)
PICTURE[:24, :24] = 255


def seen(content: bytes) -> tuple[Media, Image8]:
    """What a photograph is, and what a model sees of it."""
    report: ProbeReport = inspect(io.BytesIO(content), LIMITS)
    media, index = report.media, report.index
    assert media is not None
    assert index is not None
    assert (media.container, media.frames, media.duration_ms) == ("mp4", 1, 0.0)
    [chunk] = chunks(Cutter(index).cut(24), media, index, plan(), JOB, "x")
    [(_, frame)] = decode(io.BytesIO(content), chunk)
    return media, ToImage(orientation_of(chunk), whole((chunk.width, chunk.height)), "RGB")(frame)


def alike(one: Image8, other: Image8) -> bool:
    difference = np.abs(one.astype(int) - other) if one.shape == other.shape else np.array([255])
    return bool(difference.mean() < 3 and np.percentile(difference, 99) < 25)


CASES: dict[str, tuple[dict[str, Any], Callable[[Image8], Image8]]] = {
    "as they are": ({}, lambda p: p),
    "with a thumbnail": ({"thumbnail": PICTURE[:TILE, :TILE]}, lambda p: p),
    "cut at the right and below": ({"size": (181, 101)}, lambda p: p[:101, :181]),
    "turned": ({"size": (180, 100), "changes": [heif.turn(3)]}, lambda p: np.rot90(p[:100, :180], -1)),
    "mirrored": ({"changes": [heif.mirror(1)]}, np.fliplr),
    "mirrored upside down": ({"changes": [heif.mirror(0)]}, np.flipud),
    "turned, then mirrored": ({"changes": [heif.turn(1), heif.mirror(1)]}, lambda p: np.fliplr(np.rot90(p, 1))),
    "cut, then turned": (
        {"changes": [heif.aperture(100, 60, right=-20, down=6), heif.turn(2)]},
        lambda p: np.rot90(p[40:100, 26:126], 2),
    ),
    "AVIF of 10 bits": ({"codec": "libsvtav1", "pixels": "yuv420p10le", "size": (180, 100)}, lambda p: p[:100, :180]),
    "AVIF, turned": ({"codec": "libsvtav1", "changes": [heif.turn(3)]}, lambda p: np.rot90(p, -1)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_picture_in_tiles_is_seen_whole_and_as_it_is_shown(name: str) -> None:
    options, expected = CASES[name]
    media, image = seen(heif.tiled(PICTURE, TILE, **options))
    assert media.codec == ("av1" if "codec" in options else "hevc")
    assert alike(image, expected(PICTURE))
    assert not alike(image, expected(PICTURE)[::-1]), "all look alike: the picture proves nothing"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([heif.turn(3)], lambda p: np.rot90(p, -1)),
        ([heif.turn(1), heif.mirror(1)], lambda p: np.fliplr(np.rot90(p, 1))),
        ([heif.aperture(100, 60)], lambda p: p[34:94, 46:146]),
    ],
)
def test_a_picture_in_one_piece_is_seen_as_it_is_shown(
    changes: list[bytes], expected: Callable[[Image8], Image8]
) -> None:
    """Its EXIF data, which repeat the turn, are not applied on top of it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    content = heif.in_one_piece(PICTURE, changes=changes, exif=exif.tobytes())
    assert alike(seen(content)[1], expected(PICTURE))


def test_the_processes_that_may_open_nothing_read_tiles_too(tmp_path: Path) -> None:
    content = heif.tiled(PICTURE, TILE, changes=[heif.turn(3)])
    storage = LocalStorage(tmp_path)
    with storage.create("videos/x/content") as sink:
        sink.write(content)
    report = probe(storage, Settings(storage_dir=str(tmp_path)), "videos/x/content")
    assert report == inspect(io.BytesIO(content), LIMITS)


def refused(content: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(VideoRefused) as error:
        inspect(io.BytesIO(content), limits)
    return error.value.detail


def test_with_a_lost_tile_the_picture_is_refused() -> None:
    content = heif.tiled(PICTURE, TILE, lost=2)
    assert "2 of its 6 tiles" in refused(content)
    with pytest.raises(DecodeFailed, match="2 of its 6 tiles"), closing(Video(io.BytesIO(content))):
        pass


def test_a_large_picture_is_refused_before_its_tiles_are_decoded() -> None:
    content = heif.tiled(PICTURE, TILE, lost=6)
    assert "192x128 pixels" in refused(content, Limits(192 * 128 - 1, 10**9, 10**15))


@pytest.mark.parametrize(("old", "new"), [(b"\0\0grid\0", b"\0\0iovl\0"), (b"\0\0hvc1\0", b"\0\0jpeg\0")])
def test_a_picture_that_is_put_together_in_another_way_is_refused_with_what_helps(old: bytes, new: bytes) -> None:
    assert "ffmpeg -i in.heic out.png" in refused(heif.tiled(PICTURE, TILE).replace(old, new))


@pytest.mark.parametrize(
    ("size", "says"),
    [((192, 129), "do not cover"), ((193, 128), "do not cover"), ((0, 128), "6 tiles of 0x128 pixels")],
)
def test_tiles_that_do_not_make_the_picture_are_refused(size: tuple[int, int], says: str) -> None:
    assert says in refused(heif.tiled(PICTURE, TILE, size=size))


def test_a_damaged_description_is_refused_and_nothing_worse() -> None:
    content = heif.tiled(PICTURE, TILE, changes=[heif.aperture(100, 60), heif.turn(3)])
    chance = random.Random(5)
    reasons = set()
    for _ in range(300):
        broken = bytearray(content)
        broken[chance.randrange(20, content.index(b"mdat"))] = chance.randrange(256)
        try:
            inspect(io.BytesIO(broken), LIMITS)
        except VideoRefused as error:
            reasons.add(error.detail)
    assert len(reasons) > 2


def test_an_animated_avif_is_a_video() -> None:
    sink = io.BytesIO()
    frames = [Image.fromarray(np.roll(PICTURE, 20 * step, 1)) for step in range(6)]
    frames[0].save(sink, "AVIF", save_all=True, append_images=frames[1:], duration=100, speed=10)
    media = inspect(sink, LIMITS).media
    assert media is not None
    assert (media.width, media.height, media.frames, media.fps) == (192, 128, 6, 10.0)


def test_a_picture_with_transparency_is_seen_as_its_colours() -> None:
    sink = io.BytesIO()
    Image.fromarray(np.dstack([PICTURE, 255 - PICTURE[..., :1]]), "RGBA").save(sink, "AVIF", quality=95)
    assert alike(seen(sink.getvalue())[1], PICTURE)
