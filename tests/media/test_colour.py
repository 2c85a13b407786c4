"""Which colours the numbers of a frame stand for: the same in images of the detector, in posters and in copies."""

import io
from collections.abc import Callable
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from contracts.errors import VideoRefused
from detector.decode.crop import Area, Cropper
from detector.decode.frames import ToImage
from detector.view import whole
from processor.probe.child import Limits, inspect
from processor.renditions.drawing import to_yuv
from processor.renditions.picture import ToPicture

SD, HD, UPRIGHT = (480, 360), (1280, 720), (404, 720)
# What of red and of blue makes up the brightness (ITU-R BT.601, BT.709, BT.2020; SMPTE 240M).
WEIGHTS = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593), "240": (0.212, 0.087)}
UNTAGGED, BT709, BT601, SMPTE240, BT2020, YCGCO = 2, 1, 5, 7, 9, 8
ORANGE = (200, 110, 40)


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
    return ToImage(0, whole((240, 240)), "BGR")(frame)[16, 16, ::-1]


def of_a_region(frame: VideoFrame) -> NDArray[np.uint8]:
    return ToImage(0, whole((240, 240)), "RGB", Cropper(Area(64, 64, 320, 240)))(frame)[16, 16]


def in_a_poster(frame: VideoFrame) -> NDArray[np.uint8]:
    return ToPicture(0, 64).rgb(frame)[16, 16]


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
    assert np.abs(seen(frame).astype(int) - ORANGE).max() <= 3


@pytest.mark.parametrize("seen", [detected, in_a_poster])
@pytest.mark.parametrize(("pixels", "marked"), [("yuvj420p", 0), ("yuv420p", 2)])
def test_the_full_range_is_read_as_such(
    pixels: str, marked: int, seen: Callable[[VideoFrame], NDArray[np.uint8]]
) -> None:
    frame = plain(HD, coded(ORANGE, "709", full=True), UNTAGGED, pixels)
    frame.color_range = marked
    assert np.abs(seen(frame).astype(int) - ORANGE).max() <= 3


@pytest.mark.parametrize(("tag", "matrix", "written"), [(UNTAGGED, "709", "709"), (SMPTE240, "240", "709")])
def test_a_copy_has_the_colours_of_its_source(tag: int, matrix: str, written: str) -> None:
    picture = ToPicture(0, 64)(plain(HD, coded(ORANGE, matrix), tag))
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
