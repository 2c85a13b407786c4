"""Which colours the numbers of a frame stand for, where the frame says so and where it does not.

The range of the numbers (limited, or full as in a JPEG) is that of the frame.
"""

from dataclasses import dataclass

from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from contracts.errors import DecodeFailed
from media.tone_mapping import Primaries, Transfer

# The matrix between brightness with colour differences and red, green and blue, by FFmpeg's numbers (AVCOL_SPC).
_TAGGED = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
# What is no such matrix, and cannot be converted.
_UNREADABLE = {8: "YCgCo", 11: "YDzDx", 14: "ICtCp", 15: "IPT-C2", 16: "YCgCo-Re", 17: "YCgCo-Ro"}
_DOLBY_VISION = ("dvh1", "dvhe", "dva1", "dvav", "dav1")
_TO_709 = "libplacebo=colorspace=bt709:color_primaries=bt709:color_trc=bt709"
_REMEDY = f"convert it, for example with: ffmpeg -i FILE -vf {_TO_709} OUT.mp4"
_HD_WIDTH, _SD_HEIGHT = 1280, 576
_TRANSFERS: dict[int, Transfer] = {ColorTrc.ARIB_STD_B67: "hlg", ColorTrc.SMPTE2084: "pq"}
_PRIMARIES: dict[int, Primaries] = {
    ColorPrimaries.BT709: "709",
    ColorPrimaries.SMPTE431: "p3",
    ColorPrimaries.SMPTE432: "p3",
}


@dataclass(frozen=True, slots=True)
class Colours:
    """How the numbers of a frame become red, green and blue.

    limited_grey: the numbers have one component, whose range is limited. transfer: the kind of high dynamic range, None
    for the standard one. primaries: which red, green and blue, in high dynamic range.
    """

    matrix: Colorspace
    limited_grey: bool = False
    transfer: Transfer | None = None
    primaries: Primaries = "2020"


def colours_of(frame: VideoFrame) -> Colours:
    """The colours of a whole frame: those that it names, or else those that players take for one of its size.

    Untagged frames are of ITU-R BT.709 in high definition, of BT.601 below. For frames in red, green and blue, in grey,
    or with a palette the matrix has no meaning. Raises DecodeFailed for colours that cannot be converted.
    """
    transfer = _TRANSFERS.get(int(frame.color_trc))
    primaries = _PRIMARIES.get(int(frame.color_primaries), "2020")
    grey = frame.format.name.startswith("gray") and frame.color_range == ColorRange.MPEG
    return Colours(_matrix(frame, transfer), grey, transfer, primaries)


def check_readable(frame: VideoFrame, codec_tag: str) -> None:
    """Raises DecodeFailed for the first frame of a video whose colours cannot be converted.

    codec_tag: of its stream in an mp4 or mov. Dolby Vision with these tags and without a named transfer function has
    colours that only its own metadata explain (profile 5).
    """
    colours_of(frame)
    if codec_tag in _DOLBY_VISION and frame.color_trc == ColorTrc.UNSPECIFIED:
        raise DecodeFailed(f"its colours are those of Dolby Vision profile 5, which cannot be read: {_REMEDY}")


def _matrix(frame: VideoFrame, transfer: Transfer | None) -> Colorspace:
    tag = int(frame.colorspace)
    if tag in _UNREADABLE and not frame.format.is_rgb:
        raise DecodeFailed(f"its colours are coded as {_UNREADABLE[tag]}, which cannot be read: {_REMEDY}")
    if tag in _TAGGED:
        return _TAGGED[tag]
    if transfer or frame.color_primaries == ColorPrimaries.BT2020:
        return Colorspace.BT2020
    high = frame.width >= _HD_WIDTH or frame.height > _SD_HEIGHT
    return Colorspace.ITU709 if high else Colorspace.ITU601
