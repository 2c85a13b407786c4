"""Which colours the numbers of a frame stand for: the same in images of the detector, in posters and in copies."""

import io
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image

from contracts.errors import VideoRefused
from detector.decode.crop import Cropper
from detector.decode.frames import ToImage
from detector.view import whole
from media.orientation import Orientation
from media.tone_mapping import hlg_to_scene, light_to_pq, pq_to_light, to_709
from processor.probe.child import Limits, inspect
from processor.renditions.drawing import to_yuv
from processor.renditions.picture import ToPicture
from tests.support.deployments.service import ROOT
from tests.support.videos import formats, high_range

SD, HD, UPRIGHT = (480, 360), (1280, 720), (404, 720)
# What of red and of blue makes up the brightness (ITU-R BT.601, BT.709, BT.2020; SMPTE 240M).
WEIGHTS = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593), "240": (0.212, 0.087)}
UNTAGGED, BT709, BT601, SMPTE240, BT2020, YCGCO = 2, 1, 5, 7, 9, 8
ORANGE = (200, 110, 40)

# A photograph of nothing as bright as paper: highlights would be rolled off.
CAT = (
    np.asarray(Image.open(ROOT / "detector/models_command/photos/cat.jpg").convert("RGB").resize((320, 240))) // 10 * 7
)


def coded(rgb: tuple[int, int, int], matrix: str, *, full: bool = False) -> list[int]:
    """A colour as brightness and colour differences, by the standards' definition."""
    red, green, blue = (value / 255 for value in rgb)
    of_red, of_blue = WEIGHTS[matrix]
    bright = of_red * red + of_blue * blue + (1 - of_red - of_blue) * green
    differences = ((blue - bright) / (2 - 2 * of_blue), (red - bright) / (2 - 2 * of_red))
    low, high, spread = (0, 255, 255) if full else (16, 219, 224)
    return [round(low + high * bright), *(round(128 + spread * value) for value in differences)]


def plain(size: tuple[int, int], values: list[int], tag: int, pixels: str = "yuv420p") -> VideoFrame:
    """A frame of one colour."""
    width, height = size
    areas = (width * height, width * height // 4, width * height // 4)
    flat = np.concatenate([np.full(area, value, np.uint8) for area, value in zip(areas, values, strict=True)])
    frame = VideoFrame.from_ndarray(flat.reshape(height * 3 // 2, width), format=pixels)
    frame.colorspace = tag
    return frame


def detected(frame: VideoFrame) -> NDArray[np.uint8]:
    return ToImage(Orientation(), whole((240, 240)), "BGR")(frame)[..., ::-1]


def of_a_region(frame: VideoFrame) -> NDArray[np.uint8]:
    return ToImage(Orientation(), whole((240, 240)), "RGB", Cropper((0.1, 0.1, 0.5, 0.5), Orientation()))(frame)


def in_a_poster(frame: VideoFrame) -> NDArray[np.uint8]:
    return ToPicture(Orientation(), (64, 48)).rgb(frame)


@pytest.mark.parametrize("seen", [detected, of_a_region, in_a_poster])
@pytest.mark.parametrize(
    ("size", "tag", "matrix"),
    [
        (SD, UNTAGGED, "601"),
        (HD, UNTAGGED, "709"),
        (UPRIGHT, UNTAGGED, "709"),
        (HD, BT601, "601"),
        (SD, BT709, "709"),
        (SD, SMPTE240, "240"),
        (SD, BT2020, "2020"),
    ],
)
def test_a_frame_has_the_colours_that_it_names_or_that_players_take_for_its_size(
    size: tuple[int, int], tag: int, matrix: str, seen: Callable[[VideoFrame], NDArray[np.uint8]]
) -> None:
    frame = plain(size, coded(ORANGE, matrix), tag)
    assert np.abs(seen(frame)[16, 16].astype(int) - ORANGE).max() <= 3


@pytest.mark.parametrize("seen", [detected, of_a_region, in_a_poster])
@pytest.mark.parametrize(("pixels", "marked"), [("yuvj420p", 0), ("yuv420p", 2)])
def test_the_full_range_is_read_as_such(
    pixels: str, marked: int, seen: Callable[[VideoFrame], NDArray[np.uint8]]
) -> None:
    frame = plain(HD, coded(ORANGE, "709", full=True), UNTAGGED, pixels)
    frame.color_range = marked
    assert np.abs(seen(frame)[16, 16].astype(int) - ORANGE).max() <= 3


@pytest.mark.parametrize(("tag", "matrix", "written"), [(UNTAGGED, "709", "709"), (SMPTE240, "240", "709")])
def test_a_copy_has_the_colours_of_its_source(tag: int, matrix: str, written: str) -> None:
    picture = ToPicture(Orientation(), (64, 48))(plain(HD, coded(ORANGE, matrix), tag))
    values = (picture.y[16, 16], picture.u[8, 8], picture.v[8, 8])
    assert picture.matrix == written
    assert np.abs(np.array(values, int) - to_yuv(ORANGE, written)).max() <= 2


def test_colours_that_cannot_be_converted_are_refused() -> None:
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.colorspace = YCGCO
        container.mux(stream.encode(plain((64, 48), [128, 128, 128], YCGCO)))
        container.mux(stream.encode())
    with pytest.raises(VideoRefused, match="YCgCo"):
        inspect(io.BytesIO(sink.getvalue()), Limits(10**9, 10**9, 10**15))


def test_colours_that_only_dolby_vision_explains_are_refused() -> None:
    content = formats.encode("mp4", "libx265", size=(64, 64), frames=2).content
    with pytest.raises(VideoRefused, match="Dolby Vision"):
        inspect(io.BytesIO(content.replace(b"hev1", b"dvh1")), Limits(10**9, 10**9, 10**15))


def test_the_functions_have_the_values_that_the_standards_publish() -> None:
    # SMPTE ST 2084 and ITU-R BT.2408; BT.2087 for the matrix.
    light = np.array([0.0, 100.0, 203.0, 1000.0, 10000.0])
    assert light_to_pq(light) == pytest.approx([0.0, 0.508, 0.581, 0.752, 1.0], abs=6e-4)
    assert pq_to_light(light_to_pq(light)) == pytest.approx(light, abs=1e-6)
    assert hlg_to_scene(np.array([0.0, 0.5, 0.75, 1.0])) == pytest.approx([0.0, 1 / 12, 0.265, 1.0], abs=6e-4)
    assert to_709("2020")[0] == pytest.approx([1.6605, -0.5876, -0.0728], abs=1e-4)
    assert to_709("709") == pytest.approx(np.eye(3), abs=1e-9)


@pytest.mark.parametrize("transfer", ["hlg", "pq"])
def test_high_dynamic_range_looks_as_the_picture_it_was_made_of(transfer: high_range.Transfer) -> None:
    made = high_range.frame_of(high_range.light_of(CAT), transfer)
    content = high_range.clip_of(made, transfer)
    with av.open(io.BytesIO(content), "r") as container:
        frame = next(container.decode(video=0))
    image = ToImage(Orientation(), whole((320, 240)), "BGR")(frame)[..., ::-1]
    poster = ToPicture(Orientation(), (320, 240)).rgb(frame)
    picture = ToPicture(Orientation(), (320, 240))(frame)
    copy = picture.to_frame().to_ndarray(format="rgb24", src_colorspace="ITU709")
    assert picture.matrix == "709"
    for seen in (image, poster, copy):
        error = seen.astype(int) - CAT
        assert np.abs(error).mean() < 2.5
        assert np.abs(error.mean(axis=(0, 1))).max() < 1.5


@pytest.mark.parametrize("transfer", ["hlg", "pq"])
def test_highlights_are_rolled_off_and_keep_their_colours(transfer: high_range.Transfer) -> None:
    greys = np.array([91.0, 203, 400, 1000])[None, :, None].repeat(3, 2)
    orange = np.array([1.0, 0.5, 0.25]) * np.array([60.0, 800])[:, None]
    light = np.concatenate([greys, orange[None]], axis=1).repeat(16, 0).repeat(16, 1)
    frame = high_range.frame_of(light, transfer, "yuv444p10le")
    seen = ToImage(Orientation(), whole((96, 16)), "RGB")(frame)[8, 8::16].astype(int)
    assert [int(value) for value in seen[:4, 1]] == pytest.approx([183, 230, 250, 255], abs=2)
    assert np.ptp(seen[:4], axis=1).max() <= 2
    dark, bright = (seen[4:] / 255) ** 2.4
    assert bright / bright[0] == pytest.approx(dark / dark[0], abs=0.04)


def test_ten_bits_of_standard_range_are_not_mapped() -> None:
    eight = VideoFrame.from_ndarray(CAT, "rgb24").reformat(format="yuv444p", dst_colorspace=BT709)
    ten = eight.reformat(format="yuv444p10le")
    one, other = (ToImage(Orientation(), whole((320, 240)), "RGB")(frame).astype(int) for frame in (eight, ten))
    assert np.abs(one - other).max() <= 2


def test_limited_grey_has_black_and_white() -> None:
    frame = VideoFrame.from_ndarray(np.array([[16, 126, 235]], np.uint8).repeat(16, 0).repeat(16, 1), "gray")
    for marked, expected in ((1, [0, 128, 255]), (2, [16, 126, 235])):
        frame.color_range = marked
        seen = ToImage(Orientation(), whole((48, 16)), "RGB")(frame)[8, 8::16]
        assert seen.tolist() == [[value] * 3 for value in expected]
        bright = ToPicture(Orientation(), (48, 16))(frame).y[8, 8::16].astype(int)
        assert bright.tolist() == pytest.approx([16 + value * 219 / 255 for value in expected], abs=1)
