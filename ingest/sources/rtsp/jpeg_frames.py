"""JPEGs out of RTP payloads (RFC 2435), whose headers RTP leaves out. Pure.

The tables are those of ITU-T T.81, annex K, in the order in which a JPEG holds them.
"""

import struct

_LUMA = bytes.fromhex(
    "100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933383740485c4e404457453738506d51575f626768673e4d71"
    "797064785c656763"
)
_CHROMA = bytes.fromhex("1112121815182f1a1a2f634238426363") + b"\x63" * 48
# Table class and number, codes of each length from 1 to 16, values.
_HUFFMAN = tuple(
    bytes.fromhex(text)
    for text in (
        "0000010501010101010100000000000000000102030405060708090a0b",
        "100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a16"
        "1718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788"
        "898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8"
        "e9eaf1f2f3f4f5f6f7f8f9fa",
        "0100030101010101010101010000000000000102030405060708090a0b",
        "1100020102040403040705040400010277000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a16"
        "2434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a828384"
        "85868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5"
        "e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
    )
)
_HEADER_BYTES, _RESTART_BYTES, _TABLES_BYTES = 8, 4, 4
_RESTARTS, _TABLES_IN_BAND = 64, 128
_SAMPLINGS = {0: 0x21, 1: 0x22}  # 4:2:2 and 4:2:0
_END = b"\xff\xd9"


class JpegFrames:
    """Of one track, see Frames in frames.py."""

    codec = "mjpeg"
    extradata = b""

    def __init__(self) -> None:
        self._tables: dict[int, bytes] = {}  # by quality, where the sender tells them
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, payload: bytes) -> bool:
        if len(payload) <= _HEADER_BYTES:
            return False
        offset = int.from_bytes(payload[1:4], "big")
        kind, quality, width, height = payload[4:8]
        place, restart = _HEADER_BYTES, 0
        if kind & _RESTARTS:
            restart = int.from_bytes(payload[place : place + 2], "big")
            place += _RESTART_BYTES
        if offset != self._size or not width or not height or kind & ~_RESTARTS not in _SAMPLINGS:
            return False
        if not offset:
            if quality >= _TABLES_IN_BAND:
                length = int.from_bytes(payload[place + 2 : place + 4], "big")
                place += _TABLES_BYTES
                if length:
                    self._tables[quality] = payload[place : place + length]
                place += length
            tables = self._tables.get(quality) if quality >= _TABLES_IN_BAND else scaled_tables(quality)
            if tables is None or len(tables) != len(_LUMA) + len(_CHROMA):  # or of 16 bits
                return False
            self._parts = [_head(kind & ~_RESTARTS, 8 * width, 8 * height, tables, restart)]
        self._parts.append(payload[place:])
        self._size += len(payload) - place
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
        return data if data.endswith(_END) else data + _END, True

    def drop(self) -> None:
        self._parts, self._size = [], 0


def scaled_tables(quality: int) -> bytes:
    """The quantization tables of a quality from 1 to 99."""
    factor = min(99, max(1, quality))
    scale = 5000 // factor if factor < 50 else 200 - 2 * factor
    return bytes(min(255, max(1, (value * scale + 50) // 100)) for value in _LUMA + _CHROMA)


def _head(kind: int, width: int, height: int, tables: bytes, restart: int) -> bytes:
    """A JPEG up to its compressed data."""
    parts = [b"\xff\xd8"]
    for number, table in enumerate((tables[:64], tables[64:])):
        parts.append(_segment(0xDB, bytes((number,)) + table))
    if restart:
        parts.append(_segment(0xDD, struct.pack(">H", restart)))
    components = bytes((1, _SAMPLINGS[kind], 0, 2, 0x11, 1, 3, 0x11, 1))
    parts.append(_segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + components))
    parts += (_segment(0xC4, table) for table in _HUFFMAN)
    parts.append(_segment(0xDA, bytes((3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0))))
    return b"".join(parts)


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
