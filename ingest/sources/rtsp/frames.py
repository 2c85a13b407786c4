"""Frames out of RTP payloads, a class per encoding. Pure.

A frame is given out at its last packet, which RTP marks: waiting for the first packet of the next one would cost the
time of a frame.
"""

from typing import Protocol

from ingest.sources.rtsp.description import Video
from ingest.sources.rtsp.jpeg_frames import JpegFrames
from media.keyframe_syntax import is_h264_keyframe, is_hevc_keyframe

START = b"\0\0\0\1"
_HEAD_BYTES = 48  # of a NAL unit, which tell what it is
_MOST_UNITS = 4096  # of a frame: of one byte each, they would take far more memory than their bytes
_FIRST, _LAST = 0x80, 0x40  # marks of a unit's fragments


class Frames(Protocol):
    """Puts the payloads of one frame after the other together."""

    codec: str

    def add(self, payload: bytes) -> bool:
        """The next payload; False where it does not fit, so that the frame is lost."""

    @property
    def is_whole(self) -> bool:
        """Whether there is a picture in what was added, and all of it."""

    @property
    def is_cut(self) -> bool:
        """Whether the end of a fragment is missing."""

    def take(self) -> tuple[bytes, bool]:
        """(the frame, whether it is a keyframe), and begin anew."""

    def drop(self) -> None:
        """Begin anew."""

    @property
    def extradata(self) -> bytes:
        """The newest parameter sets, or what the description says; empty without any."""


class _Units:
    """What H.264 and H.265 share: NAL units between start codes."""

    codec = ""

    def __init__(self, sets: list[bytes]) -> None:
        self._sets: dict[int, list[bytes]] = {}
        self._keep(sets)
        self._parts: list[bytes] = []
        self._heads: list[bytes] = []
        self._new: list[bytes] = []  # parameter sets
        self._open = False  # a unit in fragments
        self._has_picture = False

    def drop(self) -> None:
        self._parts, self._heads, self._new = [], [], []
        self._open = self._has_picture = False

    @property
    def is_whole(self) -> bool:
        return self._has_picture and not self._open

    @property
    def is_cut(self) -> bool:
        return self._open

    @property
    def extradata(self) -> bytes:
        return b"".join(START + unit for _, units in sorted(self._sets.items()) for unit in units)

    def take(self) -> tuple[bytes, bool]:
        made = b"".join(self._parts), self._is_key(self._heads)
        self._keep(self._new)
        self.drop()
        return made

    def _keep(self, sets: list[bytes]) -> None:
        """Take the parameter sets of a frame in place of those of the same kinds."""
        new: dict[int, list[bytes]] = {}
        for unit in dict.fromkeys(sets):
            if unit and (rank := self._rank(unit)) >= 0:
                new.setdefault(rank, []).append(unit)
        self._sets |= new

    def _unit(self, unit: bytes) -> bool:
        """A whole unit; False where there are too many."""
        if len(self._heads) >= _MOST_UNITS:
            return False
        self._parts += (START, unit)
        self._note(unit)
        return True

    def _begin(self, header: bytes, rest: bytes, last: bool) -> bool:
        """The first fragment of a unit."""
        if self._open or len(self._heads) >= _MOST_UNITS:
            return False
        self._parts += (START, header, rest)
        self._note(header + rest[:_HEAD_BYTES])
        self._open = not last
        return True

    def _go_on(self, rest: bytes, last: bool) -> bool:
        """A further fragment."""
        if not self._open:
            return False
        self._parts.append(rest)
        self._open = not last
        return True

    def _note(self, unit: bytes) -> None:
        self._heads.append(unit[:_HEAD_BYTES])
        if self._is_picture(unit):
            self._has_picture = True
        elif self._rank(unit) >= 0:
            self._new.append(unit)

    def _aggregate(self, payload: bytes, place: int) -> bool:
        """Several units, each after its length."""
        while place + 2 < len(payload):
            length = payload[place] << 8 | payload[place + 1]
            unit = payload[place + 2 : place + 2 + length]
            if not length or len(unit) < length or not self._unit(unit):
                return False
            place += 2 + length
        return True

    def _is_key(self, heads: list[bytes]) -> bool:
        raise NotImplementedError

    def _is_picture(self, unit: bytes) -> bool:
        raise NotImplementedError

    def _rank(self, unit: bytes) -> int:
        """The place of a parameter set among others, -1 of other units."""
        raise NotImplementedError


class H264Frames(_Units):
    """RFC 6184, packetization modes 0 and 1."""

    codec = "h264"

    def add(self, payload: bytes) -> bool:
        kind = payload[0] & 31 if payload else 0
        if 0 < kind < 24:
            return self._unit(payload) and not self._open
        if kind == 24:
            return self._aggregate(payload, 1)
        if kind == 28 and len(payload) > 2:
            mark = payload[1]
            if not mark & _FIRST:
                return self._go_on(payload[2:], bool(mark & _LAST))
            return self._begin(bytes((payload[0] & 0xE0 | mark & 31,)), payload[2:], bool(mark & _LAST))
        return False

    def _is_key(self, heads: list[bytes]) -> bool:
        return is_h264_keyframe(heads)

    def _is_picture(self, unit: bytes) -> bool:
        return 1 <= unit[0] & 31 <= 5

    def _rank(self, unit: bytes) -> int:
        return {7: 0, 8: 1}.get(unit[0] & 31, -1)


class HevcFrames(_Units):
    """RFC 7798, without decoding order numbers."""

    codec = "hevc"

    def add(self, payload: bytes) -> bool:
        if len(payload) < 3:
            return False
        kind = payload[0] >> 1 & 63
        if kind < 48:
            return self._unit(payload) and not self._open
        if kind == 48:
            return self._aggregate(payload, 2)
        if kind == 49 and len(payload) > 3:
            mark = payload[2]
            if not mark & _FIRST:
                return self._go_on(payload[3:], bool(mark & _LAST))
            header = bytes((payload[0] & 0x81 | (mark & 63) << 1, payload[1]))
            return self._begin(header, payload[3:], bool(mark & _LAST))
        return False

    def _is_key(self, heads: list[bytes]) -> bool:
        return is_hevc_keyframe(heads)

    def _is_picture(self, unit: bytes) -> bool:
        return (unit[0] >> 1 & 63) < 32

    def _rank(self, unit: bytes) -> int:
        return {32: 0, 33: 1, 34: 2}.get(unit[0] >> 1 & 63, -1)


class Mpeg4Frames:
    """MPEG-4 part 2 (RFC 6416): the bytes of a frame, cut anywhere."""

    codec = "mpeg4"
    _PICTURE = b"\0\0\1\xb6"

    def __init__(self, config: bytes) -> None:
        self.extradata = config
        self._parts: list[bytes] = []

    def add(self, payload: bytes) -> bool:
        self._parts.append(payload)
        return True

    @property
    def is_whole(self) -> bool:
        return bool(self._parts)

    @property
    def is_cut(self) -> bool:
        return False

    def take(self) -> tuple[bytes, bool]:
        data = b"".join(self._parts)
        self.drop()
        place = data.find(self._PICTURE)
        return data, place >= 0 and not data[place + 4 : place + 5].translate(None, bytes(range(64)))

    def drop(self) -> None:
        self._parts = []


def frames_of(video: Video) -> Frames | None:
    """For a video of a description; None where its encoding is not known."""
    match video.encoding:
        case "H264":
            return H264Frames(video.parts("sprop-parameter-sets"))
        case "H265" | "HEVC":
            return HevcFrames([one for kind in ("vps", "sps", "pps") for one in video.parts(f"sprop-{kind}")])
        case "JPEG":
            return JpegFrames()
        case "MP4V-ES":
            return Mpeg4Frames(_hex(video.parameters.get("config", "")))
    return None


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
