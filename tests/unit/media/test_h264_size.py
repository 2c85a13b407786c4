"""The size of the picture out of the parameters of real encoders' streams."""

from fractions import Fraction

import av
import pytest

from media.h264_syntax import PARAMETERS, picture_size, start_coded


def parameters_of(width: int, height: int, pixels: str, **options: str) -> bytes:
    encoder = av.VideoCodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, pixels, Fraction(1, 25)
    encoder.options = {"preset": "ultrafast", **options}
    frame = av.VideoFrame(width, height, pixels)
    frame.pts = 0
    data = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    return next(unit for unit in start_coded(data) if unit[0] & 31 == PARAMETERS)


@pytest.mark.parametrize(
    ("width", "height", "pixels", "options"),
    [
        (640, 480, "yuv420p", {}),
        (322, 242, "yuv420p", {}),
        (1920, 1080, "yuv420p", {"profile": "high"}),
        (1920, 1080, "yuv420p", {"x264-params": "interlaced=1"}),
        (322, 241, "yuv422p", {}),
        (321, 241, "yuv444p", {}),
    ],
)
def test_the_size_is_without_the_cut_off_borders(width: int, height: int, pixels: str, options: dict[str, str]) -> None:
    assert picture_size(parameters_of(width, height, pixels, **options)) == (width, height)


def test_parameters_that_make_no_sense_have_no_size() -> None:
    assert picture_size(b"\x67" + bytes(40)) is None
