"""What an HTTP address sends, by its first bytes and its content type. Pure."""

import re
from dataclasses import dataclass

from contracts.live.streams import Reason
from ingest.sources.port import SourceFailed
from media.jpeg import START

# Of an answer, which must be there to tell what it is.
BEGINNING_BYTES = 16
_MP4_BOXES = (b"ftyp", b"styp", b"moov", b"moof", b"sidx")
_PLAYLIST_TYPES = ("mpegurl", "dash+xml", "x-scpls", "smil")
_BOUNDARY = re.compile(r'boundary\s*=\s*("[^"]*"|[^\s;]+)', re.IGNORECASE)
_READ = "MJPEG (multipart), MPEG-TS and fragmented mp4 are read"


@dataclass(frozen=True, slots=True)
class Format:
    """boundary: of MJPEG as a multipart answer. demuxer: FFmpeg's, for all else."""

    boundary: str = ""
    demuxer: str = ""


def format_of(content_type: str, beginning: bytes) -> Format:
    """The format of an answer. Raises SourceFailed for what is no stream."""
    kind = content_type.partition(";")[0].strip().lower()
    text = beginning.lstrip(b"\xef\xbb\xbf\r\n\t ")
    if text.startswith(b"#EXT") or any(name in kind for name in _PLAYLIST_TYPES):
        raise _no_stream("a playlist (HLS, DASH): give the address of the stream itself")
    if kind in ("text/html", "application/json") or text.startswith((b"<", b"{")):
        raise _no_stream(f"a page or a text instead of a video: give the address of the stream itself; {_READ}")
    if kind.startswith("multipart/"):
        found = _BOUNDARY.search(content_type)
        return Format(boundary=found[1] if found else "--")
    if text.startswith(b"--"):
        return Format(boundary=text.split(b"\n")[0].strip().decode("latin-1"))
    if beginning[4:8] in _MP4_BOXES:
        return Format(demuxer="mov")
    if beginning.startswith(b"\x47") or kind == "video/mp2t":
        return Format(demuxer="mpegts")
    if beginning.startswith(START):
        raise _no_stream("single pictures: give the address of its MJPEG stream, or push them")
    raise _no_stream(f"something that is no known stream: {_READ}")


def _no_stream(what: str) -> SourceFailed:
    return SourceFailed(Reason.NOT_A_STREAM, f"the address sends {what}")
