"""Which colours the numbers of a frame stand for, where the frame says so and where it does not.

The range of the numbers (limited, or full as in a JPEG) is that of the frame, which swscale goes by itself.
"""

from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace

from contracts.errors import DecodeFailed

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
_REMEDY = "convert it to BT.709, for example with ffmpeg's filter zscale=matrix=709"
_HD_WIDTH, _SD_HEIGHT = 1280, 576


def matrix_of(frame: VideoFrame) -> Colorspace:
    """The matrix of a whole frame's colours: the one it names, or else the one that players take for its size.

    Untagged frames are of ITU-R BT.709 in high definition, of BT.601 below. For frames in red, green and blue, of one
    brightness, or with a palette it has no meaning. Raises DecodeFailed for colours that cannot be converted.
    """
    tag = int(frame.colorspace)
    if tag in _UNREADABLE and not frame.format.is_rgb:
        raise DecodeFailed(f"its colours are coded as {_UNREADABLE[tag]}, which cannot be read: {_REMEDY}")
    if tag in _TAGGED:
        return _TAGGED[tag]
    if frame.color_primaries == ColorPrimaries.BT2020:
        return Colorspace.BT2020
    high = frame.width >= _HD_WIDTH or frame.height > _SD_HEIGHT
    return Colorspace.ITU709 if high else Colorspace.ITU601
