"""Good files of every container that is read, from which the bad ones are made."""

import functools
import tempfile
from pathlib import Path
from typing import Any

from tests.media.test_damage import index_first
from tests.support.videos.formats import encode

_SMALL = (64, 64)
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}

INDEX_FIRST = "mp4 h264, index first"
# The name tells container and codec; see tests.support.videos.formats.encode for the options.
SEEDS: dict[str, dict[str, Any]] = {
    "mp4 h264": {"container": "mp4", "codec": "libx264", "b_frames": 2},
    INDEX_FIRST: {"container": "mp4", "codec": "libx264"},
    "mp4 h264 fragments": {"container": "mp4", "codec": "libx264", "b_frames": 2, "muxing": _FRAGMENTS},
    "mp4 hevc": {"container": "mp4", "codec": "libx265", "b_frames": 2},
    "mov prores": {"container": "mov", "codec": "prores_ks", "frames": 12},
    "mov mjpeg": {"container": "mov", "codec": "mjpeg"},
    "matroska h264": {"container": "matroska", "codec": "libx264", "b_frames": 2},
    "matroska av1": {"container": "matroska", "codec": "libsvtav1"},
    "webm vp8": {"container": "webm", "codec": "libvpx"},
    "webm vp9": {"container": "webm", "codec": "libvpx-vp9"},
    "avi h264": {"container": "avi", "codec": "libx264", "b_frames": 2},
    "avi mpeg4": {"container": "avi", "codec": "mpeg4"},
    "mpegts h264": {"container": "mpegts", "codec": "libx264", "b_frames": 2},
    "mpegts mpeg2": {"container": "mpegts", "codec": "mpeg2video", "b_frames": 2},
    "mpeg mpeg2": {"container": "vob", "codec": "mpeg2video", "b_frames": 2, "bit_rate": 0},
    "flv h264": {"container": "flv", "codec": "libx264", "b_frames": 2},
    "ogg vp8": {"container": "ogg", "codec": "libvpx"},
    "asf wmv2": {"container": "asf", "codec": "wmv2"},
    "raw h264": {"container": "h264", "codec": "libx264"},
    "raw hevc": {"container": "hevc", "codec": "libx265", "b_frames": 2},
    "gif": {"container": "gif", "codec": "gif", "frames": 8},
    "apng": {"container": "apng", "codec": "apng", "frames": 8},
    "jpeg": {"container": "image2pipe", "codec": "mjpeg", "frames": 1},
    "png": {"container": "image2pipe", "codec": "png", "frames": 1},
    "webp": {"container": "webp", "codec": "libwebp", "frames": 1},
}


@functools.cache
def seed(name: str) -> bytes:
    """The good file of that name; it is made once."""
    content = encode(**SEEDS[name], size=_SMALL).content
    if name != INDEX_FIRST:
        return content
    with tempfile.TemporaryDirectory() as folder:
        return index_first(Path(folder) / "a.mp4", content)
