"""The allowed container formats. All others are refused before a parser of theirs runs.

Playlists (hls, concat, dash) and image sequences (image2) are excluded deliberately: their demuxers open other files.
"""

# Still images: a video of one frame.
STILLS = ("jpeg_pipe", "png_pipe", "webp_pipe")
# Each picture depends on the one before, whatever the container says about keyframes; seeking is impossible.
ANIMATIONS = ("gif", "apng")
# Elementary streams: a codec's bytes without a container, and so without times.
RAW = ("h264", "hevc")
DEMUXERS = ("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "ogg", "asf", *STILLS, *ANIMATIONS, *RAW)

# Parameter sets or a delimiter of the base layer.
_HEVC_STARTS = (b"\x40\x01", b"\x42\x01", b"\x46\x01")
_H264_STARTS = (7, 9)
_H264_INFORMATION = 6

# No camera or editor writes more, and each stream costs memory when the container is opened.
MAX_STREAMS = 100

# For av.open(): custom IO needs no protocol, so none is allowed.
OPEN_OPTIONS = {"format_whitelist": ",".join(DEMUXERS), "protocol_whitelist": ""}

# For a file of several video streams of which one begins late: FFmpeg looks for it through an hour of video (in
# microseconds) or so many bytes, instead of seconds.
PATIENCE = {"analyzeduration": "3600000000", "probesize": "64000000"}


def demuxer(head: bytes) -> str | None:
    """The demuxer for a file that starts with these bytes; None to let FFmpeg probe it.

    Cameras append previews, maps and short clips to a JPEG, which FFmpeg then takes for another format. Of an
    elementary stream it wants to see a keyframe soon.
    """
    return "jpeg_pipe" if head.startswith(b"\xff\xd8\xff") else _elementary(head)


def _elementary(head: bytes) -> str | None:
    """The demuxer for a file that begins with a start code (zeros and a one) and what comes before a picture."""
    unit = head.lstrip(b"\0")
    if unit[:1] != b"\x01" or len(unit) < 3 or len(head) - len(unit) < 2:
        return None
    if unit[1:3] in _HEVC_STARTS:
        return "hevc"
    return "h264" if unit[1] & 0x9F in _H264_STARTS or unit[1] == _H264_INFORMATION else None
