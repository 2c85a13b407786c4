"""Sizes in the headers of VP9, where any frame may change them."""

from processor.probe.vpx_headers import Vp9Sizes

KEY, INTER = (640, 360), (320, 180)


def packed(*fields: tuple[int, int]) -> bytes:
    """Fields as (value, bits), and what follows a header."""
    text = "".join(f"{value:0{count}b}" for value, count in fields)
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big") + bytes(20)


def size_of(size: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    return (size[0] - 1, 16), (size[1] - 1, 16)


def keyframe(size: tuple[int, int]) -> bytes:
    # Marker, profile 0, no repetition; a keyframe, shown; sync code; BT.601 in the limited range.
    return packed((0b10, 2), (0, 3), (0, 1), (1, 1), (0, 1), (0x498342, 24), (1, 3), (0, 1), *size_of(size))


def inter(*size: tuple[int, int], shown: int = 1, refreshed: int = 0, reference: int = 0, found: str = "1") -> bytes:
    """A frame that has the size of one of its references, or one of its own."""
    head = [(0b10, 2), (0, 3), (1, 1), (shown, 1), (0, 1), *([] if shown else [(0, 1)]), (0, 2), (refreshed, 8)]
    return packed(*head, *[(reference << 1, 4)] * 3, (int(found, 2), len(found)), *size)


def repeated(slot: int) -> bytes:
    return packed((0b10, 2), (0, 2), (1, 1), (slot, 3))


def shown(*packets: bytes) -> list[list[tuple[int, int]]]:
    sizes = Vp9Sizes()
    return [sizes.shown(memoryview(packet)) for packet in packets]


def test_a_frame_has_its_own_size_or_that_of_a_reference() -> None:
    smaller = inter(*size_of(INTER), found="000", refreshed=0b10)
    assert shown(keyframe(KEY), inter(), smaller, inter(reference=1), inter(reference=0), repeated(1)) == [
        [KEY],
        [KEY],
        [INTER],
        [INTER],
        [KEY],
        [INTER],
    ]


def test_the_frames_of_a_superframe_count_where_they_are_shown() -> None:
    hidden, after = inter(*size_of(INTER), found="000", refreshed=4, shown=0), inter(reference=2)
    mark = bytes([0b11000001 | 0b1000])  # two lengths of two bytes
    index = mark + len(hidden).to_bytes(2, "little") + len(after).to_bytes(2, "little") + mark
    assert shown(keyframe(KEY), hidden + after + index) == [[KEY], [INTER]]


def test_damage_is_passed_over() -> None:
    assert shown(b"", b"\x80", keyframe(KEY)[:5], b"\x00" * 30, b"\xff" * 30, repeated(0)) == [[]] * 6
