"""H.264 out of RTP payloads (RFC 6184). Pure. Bytes are untrusted."""

from collections.abc import Sequence

_LAST_SINGLE, _STAP_A, _FU_A = 23, 24, 28
_START_CODE = b"\0\0\0\x01"
IDR_SLICE, SEQUENCE_PARAMETERS, PICTURE_PARAMETERS, DELIMITER = 5, 7, 8, 9
_SLICES = range(1, IDR_SLICE + 1)


def kind(unit: bytes) -> int:
    """nal_unit_type."""
    return unit[0] & 31


def is_slice(unit: bytes) -> bool:
    """Whether a NAL unit is part of a picture."""
    return kind(unit) in _SLICES


def units_of(payloads: Sequence[bytes]) -> list[bytes]:
    """The NAL units of a frame. Raises ValueError when a part of one is missing, and for what RFC 6184 does not allow
    with packetization-mode 1."""
    units: list[bytes] = []
    fragments: list[bytes] = []
    for payload in payloads:
        packet = payload[0] & 31
        if packet == _FU_A and len(payload) > 2:
            _add_fragment(payload, fragments, units)
            continue
        if fragments:
            raise ValueError("a fragmented unit does not end")
        if packet == _STAP_A:
            units += _aggregated(payload)
        elif 0 < packet <= _LAST_SINGLE:
            units.append(payload)
        else:
            raise ValueError(f"packet type {packet} is not allowed")
    if fragments:
        raise ValueError("a fragmented unit does not end")
    return units


def annex_b(units: Sequence[bytes]) -> bytes:
    """The NAL units, each behind a start code."""
    return b"".join(part for unit in units for part in (_START_CODE, unit))


def _add_fragment(payload: bytes, fragments: list[bytes], units: list[bytes]) -> None:
    start, end = payload[1] & 0x80, payload[1] & 0x40
    if bool(start) == bool(fragments):
        raise ValueError("a fragmented unit does not begin, or does not end")
    if start:
        fragments.append(bytes([payload[0] & 0xE0 | payload[1] & 31]))
    fragments.append(payload[2:])
    if end:
        units.append(b"".join(fragments))
        fragments.clear()


def _aggregated(payload: bytes) -> list[bytes]:
    units, place = [], 1
    while place < len(payload):
        size = int.from_bytes(payload[place : place + 2], "big")
        unit = payload[place + 2 : place + 2 + size]
        if not size or len(unit) < size:
            raise ValueError("an aggregation packet is cut off")
        units.append(unit)
        place += 2 + size
    return units
