"""Frames out of RTP packets: released on the marker bit, in order, and lost ones given up in time."""

from ingest.webrtc.rtp_frames import HOLD_SECONDS, MOST_PACKETS, FrameBuffer, RtpFrame, RtpPart


def part(sequence: int, timestamp: int, marker: bool = False, payload: bytes = b"") -> RtpPart:
    return RtpPart(sequence % 0x10000, timestamp, marker, payload or bytes([sequence % 256]))


def fed(parts: list[RtpPart], now: float = 0.0) -> list[RtpFrame]:
    buffer = FrameBuffer()
    return [frame for one in parts for frame in buffer.add(one, now)]


def test_a_frame_comes_with_its_marker_and_not_with_the_next_frame() -> None:
    buffer = FrameBuffer()
    assert buffer.add(part(1, 90), 0) == []
    assert buffer.add(part(2, 90, marker=True), 0) == [RtpFrame(90, [b"\x01", b"\x02"], True, 0)]


def test_a_sender_without_markers_ends_a_frame_with_the_next_one() -> None:
    assert fed([part(1, 90), part(2, 90), part(3, 180)]) == [RtpFrame(90, [b"\x01", b"\x02"], True, 0)]


def test_packets_that_overtake_each_other_are_put_in_order_across_the_wrap_of_their_numbers() -> None:
    frames = fed([part(0xFFFF, 90), part(0x10001, 180, marker=True), part(0x10000, 90, marker=True)])
    assert [frame.payloads for frame in frames] == [[b"\xff", b"\x00"], [b"\x01"]]
    assert all(frame.whole and not frame.missing for frame in frames)


def test_several_frames_behind_a_late_packet_come_at_once() -> None:
    frames = fed([part(1, 90, marker=True), part(3, 270, marker=True), part(4, 360, marker=True), part(2, 180, True)])
    assert [frame.timestamp for frame in frames] == [90, 180, 270, 360]


def test_doubled_and_late_packets_and_padding_are_left_out() -> None:
    padding = RtpPart(2, 90, False, b"")
    frames = fed([part(1, 90, marker=True), part(1, 90, marker=True), padding, part(3, 180, marker=True)])
    assert [frame.payloads for frame in frames] == [[b"\x01"], [b"\x03"]]


def test_a_packet_that_does_not_come_is_given_up_and_its_frame_is_not_whole() -> None:
    buffer = FrameBuffer()
    assert buffer.add(part(1, 90), 0) == []
    assert buffer.add(part(3, 90, marker=True), 0) == []
    assert buffer.add(part(4, 180, marker=True), HOLD_SECONDS / 2) == []
    frames = buffer.add(part(5, 270, marker=True), HOLD_SECONDS * 1.1)
    assert frames == [
        RtpFrame(90, [b"\x01"], False, 0),
        RtpFrame(90, [b"\x03"], True, 1),
        RtpFrame(180, [b"\x04"], True, 0),
        RtpFrame(270, [b"\x05"], True, 0),
    ]


def test_a_retransmission_in_time_loses_nothing() -> None:
    buffer = FrameBuffer()
    buffer.add(part(1, 90), 0)
    buffer.add(part(3, 90, marker=True), 0)
    assert buffer.add(part(2, 90), HOLD_SECONDS / 2) == [RtpFrame(90, [b"\x01", b"\x02", b"\x03"], True, 0)]


def test_a_sender_that_begins_anew_is_followed() -> None:
    frames = fed([part(1, 90), part(30_000, 9, marker=True), part(30_001, 18, marker=True)])
    assert [(frame.timestamp, frame.whole, frame.missing) for frame in frames] == [
        (90, False, 0),
        (9, True, 1),
        (18, True, 0),
    ]


def test_memory_is_bounded_for_a_frame_that_never_ends_and_behind_a_hole() -> None:
    buffer = FrameBuffer()
    endless = [frame for number in range(3 * MOST_PACKETS) for frame in buffer.add(part(number, 90), 0)]
    assert [len(frame.payloads) for frame in endless] == [MOST_PACKETS] * 3
    buffer = FrameBuffer()
    buffer.add(part(0, 90, marker=True), 0)
    behind = [buffer.add(part(number, 90 * number), 0) for number in range(2, 2 + 2 * MOST_PACKETS)]
    assert not any(behind[:MOST_PACKETS])
    assert len(behind[MOST_PACKETS]) == MOST_PACKETS
