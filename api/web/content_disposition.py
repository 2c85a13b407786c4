"""Content-Disposition of what is meant to be kept as a file (RFC 6266), with names in any script (RFC 8187). Pure."""

import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote

# What cannot be in a file's name on one system or another.
_NOT_IN_NAMES = '<>:"/\\|?*'
_UNNAMED = "video"
_MOST_LETTERS = 100
_MOST_FORMAT_LETTERS = 6  # of ".mp4" and the like: longer ones are part of the name


def attachment(video_name: str | None, suffix: str) -> str:
    """A file named after a video: its name without path and format, then the suffix ("-detections.csv"). Clients
    that do not know filename* get what can be said in ASCII."""
    stem = _clean(_stem(video_name or "")) or _UNNAMED
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    plain = _clean(plain.replace("%", "")) or _UNNAMED
    return f"attachment; filename=\"{plain}{suffix}\"; filename*=UTF-8''{quote(stem + suffix, safe='')}"


def _stem(name: str) -> str:
    """The last part of a path of any system, without the end that tells the format."""
    last = PurePosixPath(name.replace("\\", "/")).name
    path = PurePosixPath(last)
    return path.stem if len(path.suffix) <= _MOST_FORMAT_LETTERS else last


def _clean(name: str) -> str:
    """The name without what file systems, headers or shells would stumble over."""
    kept = "".join(sign for sign in name if sign.isprintable() and sign not in _NOT_IN_NAMES)
    return kept.strip(" .-")[:_MOST_LETTERS]
