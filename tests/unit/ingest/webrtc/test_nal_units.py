"""NAL units out of RTP payloads: the three packets of RFC 6184 that senders use, and what is damaged."""

import pytest

from ingest.webrtc.nal_units import annex_b, units_of

SLICE = b"\x61" + bytes(range(1, 9))


def fragments(unit: bytes, size: int) -> list[bytes]:
    body = [unit[place : place + size] for place in range(1, len(unit), size)]
    heads = [0x80 * (number == 0) | 0x40 * (number == len(body) - 1) | unit[0] & 31 for number in range(len(body))]
    return [bytes([unit[0] & 0xE0 | 28, head]) + piece for head, piece in zip(heads, body, strict=True)]


def test_single_aggregated_and_fragmented_units_are_read() -> None:
    aggregated = b"\x78\x00\x02\x67\x01\x00\x03\x68\x02\x03"
    units = units_of([aggregated, b"\x06\x05", *fragments(SLICE, 3)])
    assert units == [b"\x67\x01", b"\x68\x02\x03", b"\x06\x05", SLICE]
    assert annex_b(units[:2]) == b"\0\0\0\x01\x67\x01\0\0\0\x01\x68\x02\x03"


@pytest.mark.parametrize(
    "payloads",
    [
        fragments(SLICE, 3)[1:],
        fragments(SLICE, 3)[:-1],
        [fragments(SLICE, 3)[0], b"\x61\x01"],
        [fragments(SLICE, 3)[0], *fragments(SLICE, 3)],
        [b"\x78\x00\x09\x67"],
        [b"\x78\x00\x00\x67"],
        [b"\x79\x00\x00\x67"],
        [b"\x1c"],
        [b"\x00\x01"],
    ],
    ids=["no first", "no last", "broken off", "begun twice", "cut off", "empty", "STAP-B", "short", "type 0"],
)
def test_what_is_damaged_is_refused(payloads: list[bytes]) -> None:
    with pytest.raises(ValueError, match=r"unit|packet"):
        units_of(payloads)
