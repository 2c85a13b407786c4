"""Which containers are read. Everything else is refused before a parser of it runs.

Playlists (hls, concat, dash) and numbered images (image2) are left out on purpose: they make the
demuxer open other files.
"""

# One picture: a video of one frame.
STILLS = ("jpeg_pipe", "png_pipe", "webp_pipe")
# Each picture changes the one before, whatever the container says of keyframes, and none can be sought.
ANIMATIONS = ("gif", "apng")
DEMUXERS = ("mov", "matroska", "avi", "mpegts", "mpeg", "flv", "ogg", "asf", *STILLS, *ANIMATIONS)

# A file with more is none of a camera's or an editor's: each costs memory as soon as it is named.
MAX_STREAMS = 100

# For av.open(): custom IO needs no protocol, so none is allowed.
OPEN_OPTIONS = {"format_whitelist": ",".join(DEMUXERS), "protocol_whitelist": ""}


def demuxer(head: bytes) -> str | None:
    """The demuxer for a file that begins so, None to find out.

    Cameras append previews, maps and short films to a JPEG, and then it is taken for something else.
    """
    return "jpeg_pipe" if head.startswith(b"\xff\xd8\xff") else None
