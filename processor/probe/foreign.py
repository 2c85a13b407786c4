"""Kinds of files that are not read, told by their first bytes: what they are, and what makes them readable."""

from dataclasses import dataclass

HEAD_BYTES = 512

_COPY = "ffmpeg -i in{suffix} -c copy out.mkv"
_ENCODE = "ffmpeg -i in{suffix} -crf 17 out.mp4"
# Packets of a raw stream carry no times, and copied ones would come in the order of decoding: they are encoded anew.
_TIMED = "ffmpeg -framerate 25 -i in{suffix} -crf 17 out.mp4 (25: its frames per second)"
_PICTURE = "ffmpeg -i in{suffix} out.png"
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"<?xml", b"[playlist]")


@dataclass(frozen=True, slots=True)
class _Kind:
    """starts: first bytes, any of them. what: a name for the user. command: makes a readable file of it."""

    what: str
    suffix: str
    command: str
    starts: tuple[bytes, ...] = ()

    def refusal(self) -> str:
        return f"this is {self.what}, which is not read: convert it with {self.command.format(suffix=self.suffix)}"


_BITMAP = _Kind("a BMP picture", ".bmp", _PICTURE)
_SEGMENT = _Kind("a segment of a stream without its beginning", ".m4s", "cat init.mp4 in{suffix} > out.mp4")
_MULTIPART = _Kind("a stream of JPEG pictures of a network camera", ".mjpeg", _TIMED)
_CAMERA = _Kind("a raw photograph of a Canon camera", ".cr3", "the camera's software to JPEG")
_KINDS = (
    _Kind(
        "an MXF file of a broadcast camera or editor", ".mxf", _COPY, (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02",)
    ),
    _Kind("a DAV file of a Dahua recorder", ".dav", _COPY, (b"DHAV", b"DAHUA")),
    _Kind("a recording of a Xiongmai recorder", ".h264", _COPY, (b"HXVS", b"HXVT")),
    _Kind("a raw MPEG-1 or MPEG-2 stream", ".m2v", _ENCODE, (b"\0\0\x01\xb3",)),
    _Kind("a raw MPEG-4 stream without times", ".m4v", _TIMED, (b"\0\0\x01\xb0", b"\0\0\x01\xb5")),
    _Kind("a raw AV1 stream without times", ".obu", _TIMED, (b"\x12\0\x0a",)),
    _Kind("an IVF file", ".ivf", _COPY, (b"DKIF",)),
    _Kind("a NUT file", ".nut", _COPY, (b"nut/multimedia container\0",)),
    _Kind("a YUV4MPEG file", ".y4m", _ENCODE, (b"YUV4MPEG2",)),
    _Kind("a raw DV stream", ".dv", _COPY, (b"\x1f\x07\0",)),
    _Kind("a GXF file of a broadcast server", ".gxf", _COPY, (b"\0\0\0\0\x01\xbc",)),
    _Kind(
        "a recording of Windows Media Center",
        ".wtv",
        _COPY,
        (b"\xb7\xd8\0\x20\x37\x49\xda\x11\xa6\x4e\0\x07\xe9\x5e\xad\x8d",),
    ),
    _Kind("a RealMedia file", ".rm", _ENCODE, (b".RMF",)),
    _Kind("a TIFF picture or a raw photograph", ".tif", _PICTURE, (b"II*\0", b"MM\0*")),
    _Kind("a JPEG XL picture", ".jxl", _PICTURE, (b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    _Kind("a JPEG 2000 picture", ".jp2", _PICTURE, (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
)


def refusal(head: bytes) -> str | None:
    """Why a file that starts with these bytes (HEAD_BYTES of them) is not read; None for any other file."""
    if _is_animated_webp(head):
        return "this is an animated WebP, which cannot be decoded: send it as a GIF or as a video"
    if head.lstrip().startswith(_PLAYLISTS):
        return "this is a playlist or a description, not a video: upload the video file itself"
    kind = _kind(head)
    return None if kind is None else kind.refusal()


def _kind(head: bytes) -> _Kind | None:
    if head[:2] == b"BM" and head[14:18] in (b"\x0c\0\0\0", b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"):
        return _BITMAP
    if head[4:8] in (b"styp", b"moof"):
        return _SEGMENT
    if head[4:12] == b"ftypcrx ":
        return _CAMERA
    if head.lstrip().startswith(b"--") and b"image/jpeg" in head:
        return _MULTIPART
    for kind in _KINDS:
        if head.startswith(kind.starts):
            return kind
    return None


def _is_animated_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20 and bool(head[20] & 2)
