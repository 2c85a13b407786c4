"""Whether the video of a file is encrypted: then its frames decode to nothing or to garbage."""

import io
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from media.boxes import Box, boxes, inside

_MP4_KINDS = (b"ftyp", b"styp", b"moov", b"wide", b"free", b"skip", b"mdat")
_MATROSKA = b"\x1a\x45\xdf\xa3"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ENCRYPTED_ENTRIES = (b"encv", b"drmi")
_SEGMENT, _TRACKS, _CLUSTER = 0x18538067, 0x1654AE6B, 0x1F43B675
_TRACK, _TRACK_TYPE, _ENCODINGS, _ENCODING, _ENCRYPTION = 0xAE, 0x83, 0x6D80, 0x6240, 0x5035
_VIDEO = b"\x01"
_MOST_ELEMENTS = 10_000
_ASF_PROTECTION = (
    bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e"),
    bytes.fromhex("14e68a292226174cb935dae07ee9289c"),
)
_ASF_HEADER_BYTES = 65_536
_TS_PACKETS = (188, 192, 204)
_TS_SYNC = 0x47
_TS_HEAD_BYTES = 2048
_TS_BYTES = 1_000_000
_TS_EMPTY = 0x1FFF

_OF_MP4 = (
    "it is encrypted: send it as it was before it was protected, or decrypt it with its key: "
    "ffmpeg -decryption_key KEY -i in.mp4 -c copy out.mp4"
)
_OF_OTHERS = "it is encrypted: send it as it was before it was protected"
_OF_TS = "it is encrypted (scrambled, as pay TV is): record it descrambled"


def refusal(source: BinaryIO) -> str | None:
    """What to tell the user of a file whose video is encrypted; None for any other."""
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    head = source.read(64)
    if head[4:8] in _MP4_KINDS:
        return _OF_MP4 if _mp4(source, size) else None
    if head.startswith(_MATROSKA):
        return _OF_OTHERS if _matroska(source, size) else None
    if head.startswith(_ASF):
        source.seek(0)
        header = source.read(min(int.from_bytes(head[16:24], "little"), _ASF_HEADER_BYTES))
        return _OF_OTHERS if any(guid in header for guid in _ASF_PROTECTION) else None
    return _OF_TS if _transport_stream(source, size) else None


def _mp4(source: BinaryIO, size: int) -> bool:
    """Whether a sample description of a track is that of encrypted video."""
    movie = next((box for box in boxes(source, 0, size) if box.kind == b"moov"), Box(b"moov", 0, 0))
    descriptions = inside(source, movie, b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    return any(
        entry.kind in _ENCRYPTED_ENTRIES for stsd in descriptions for entry in boxes(source, stsd.start + 8, stsd.end)
    )


def _matroska(source: BinaryIO, size: int) -> bool:
    """Whether a video track says that its content is encrypted. The tracks stand before the frames."""
    for name, start, end in _elements(source, 0, size):
        if name != _SEGMENT:
            continue
        for inner, inner_start, inner_end in _elements(source, start, end):
            if inner == _CLUSTER:
                return False
            if inner == _TRACKS:
                return any(_is_encrypted(source, *track[1:]) for track in _elements(source, inner_start, inner_end))
    return False


def _is_encrypted(source: BinaryIO, start: int, end: int) -> bool:
    """Whether a track entry is of video, and encrypted."""
    video = encrypted = False
    for name, inner_start, inner_end in _elements(source, start, end):
        if name == _TRACK_TYPE:
            source.seek(inner_start)
            video = source.read(min(inner_end - inner_start, 8)).lstrip(b"\0") == _VIDEO
        if name == _ENCODINGS:
            for encoding, *place in _elements(source, inner_start, inner_end):
                encrypted |= encoding == _ENCODING and any(e[0] == _ENCRYPTION for e in _elements(source, *place))
    return video and encrypted


def _elements(source: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The EBML elements between two places of a file: id, start and end of the content."""
    for _ in range(_MOST_ELEMENTS):
        if start >= end:
            return
        source.seek(start)
        header = source.read(12)
        name_bytes = 9 - header[0].bit_length() if header else 9
        if name_bytes > 4 or len(header) <= name_bytes:
            return
        first = header[name_bytes]
        size_bytes = 9 - first.bit_length()
        if size_bytes > 8 or len(header) < name_bytes + size_bytes:
            return
        bits = 7 * size_bytes
        length = int.from_bytes(header[name_bytes : name_bytes + size_bytes], "big") & (1 << bits) - 1
        content = start + name_bytes + size_bytes
        stop = end if length == (1 << bits) - 1 else content + length  # all ones: of unknown length
        yield int.from_bytes(header[:name_bytes], "big"), content, min(stop, end)
        start = stop


def _transport_stream(source: BinaryIO, size: int) -> bool:
    """Whether most packets of the largest stream are scrambled, at the start and in the middle of the file."""
    source.seek(0)
    if _ts_packets(source.read(_TS_HEAD_BYTES)) is None:
        return False
    scrambled = packets = 0
    for place in (0, size // 2):
        source.seek(place)
        data = _ts_packets(source.read(_TS_BYTES))
        if data is None:
            continue
        streams = (data[:, 1].astype(np.int64) & 0x1F) << 8 | data[:, 2]
        streams, flags = (column[streams != _TS_EMPTY] for column in (streams, data[:, 3]))
        if not len(streams):
            continue
        largest = flags[streams == np.bincount(streams).argmax()]
        scrambled += int(np.count_nonzero(largest & 0x80))
        packets += len(largest)
    return scrambled * 2 > packets


def _ts_packets(data: bytes) -> NDArray[np.uint8] | None:
    """The packets of a part of a transport stream, uint8 [packets, length]; None of anything else."""
    for length in _TS_PACKETS:
        for start in range(min(length, len(data) - 4 * length)):
            if all(data[start + number * length] == _TS_SYNC for number in range(5)):
                count = (len(data) - start) // length
                return np.frombuffer(data, np.uint8, count * length, start).reshape(count, length)
    return None
