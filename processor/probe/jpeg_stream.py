"""Raw streams of JPEG pictures, which would pass for their first picture."""

from itertools import islice
from typing import BinaryIO

from media.jpeg import START, segments, size
from media.seekable_video import open_container

# A camera that adds previews to a photograph, or takes one for each eye, writes fewer of one size.
_PICTURES = 4
_APP2 = 0xE2


def refusal(source: BinaryIO) -> str | None:
    """Why a stream of JPEG pictures without a container is not read; None for any other file.

    Raises av.error.FFmpegError.
    """
    source.seek(0)
    if source.read(len(START)) != START:
        return None
    with open_container(source) as container:
        pictures = [bytes(packet) for packet in islice(container.demux(video=0), _PICTURES)]
    sizes = {size(picture) for picture in pictures}
    if len(pictures) < _PICTURES or len(sizes) > 1 or None in sizes or _is_album(pictures[0]):
        return None
    return (
        "this is a raw stream of JPEG pictures without times, which is not read: convert it with "
        "ffmpeg -framerate 25 -f mjpeg -i in.mjpeg -crf 17 out.mp4 (25: its frames per second)"
    )


def _is_album(picture: bytes) -> bool:
    """Whether a JPEG announces others behind it, as the views of a 3D camera (Multi-Picture Format)."""
    return any(marker == _APP2 and content.startswith(b"MPF\0") for marker, content in segments(picture))
