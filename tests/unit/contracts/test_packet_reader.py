"""Where readers of packets begin, and what they make of an answer."""

from contracts.live.packet_reader import entries_of, is_late, split_id, start_after
from contracts.live.packets import FIELD, Packet, encode

PACKET = Packet(1, 0, 0, 0, 1, True, 0.0, b"data")


def test_the_first_entry_after_the_start_is_the_newest_keyframe() -> None:
    for keyframe in (b"1764000000000-0", b"1764000000000-7", b"5-0"):
        before = start_after(keyframe)
        assert split_id(before) < split_id(keyframe)
        moment, place = split_id(before)
        assert (moment, place + 1) == split_id(keyframe) or place == 2**64 - 1, "nothing is in between"
    assert start_after(None) == b"0-0"


def test_a_reader_far_behind_a_keyframe_is_late() -> None:
    assert is_late(b"1000-0", b"2000-0")
    assert not is_late(b"1000-0", b"1999-0")
    assert not is_late(b"3000-0", b"1000-0")
    assert not is_late(b"1000-0", None)


def test_entries_that_cannot_be_read_are_passed() -> None:
    entries = [(b"1-0", {FIELD: encode(PACKET)}), (b"2-0", {FIELD: b"\xc1"}), (b"3-0", {b"other": b""})]
    for answer in ([[b"key", entries]], {b"key": entries}):
        assert entries_of(answer) == ([(b"1-0", PACKET)], b"3-0")
    assert entries_of(None) == ([], None)
    assert entries_of([]) == ([], None)
