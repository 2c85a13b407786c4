"""The Content-Disposition header of downloads (RFC 6266), with non-ASCII file names (RFC 8187). Pure."""

import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote

# Not allowed in file names on some system.
_NOT_IN_NAMES = '<>:"/\\|?*'
_UNNAMED = "video"
_NAME_MAX = 100
_SUFFIX_MAX = 6  # as in ".mp4"; a longer suffix is part of the name


def attachment(video_name: str | None, suffix: str) -> str:
    """The header for a file named after a video: the video's name without path and extension, then the suffix
    ("-detections.csv"). Clients without support for filename* get an ASCII name."""
    stem = _clean(_stem(video_name or "")) or _UNNAMED
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    plain = _clean(plain.replace("%", "")) or _UNNAMED
    return f"attachment; filename=\"{plain}{suffix}\"; filename*=UTF-8''{quote(stem + suffix, safe='')}"


def _stem(name: str) -> str:
    """The file name of a path of any system, without its extension."""
    last = PurePosixPath(name.replace("\\", "/")).name
    path = PurePosixPath(last)
    return path.stem if len(path.suffix) <= _SUFFIX_MAX else last


def _clean(name: str) -> str:
    """The name without characters that are unsafe in file systems, headers or shells."""
    kept = "".join(sign for sign in name if sign.isprintable() and sign not in _NOT_IN_NAMES)
    return kept.strip(" .-")[:_NAME_MAX]
