"""Only what can be decoded is passed on, and what is left out is counted."""

from ingest.sources.port import SourceConfig, SourcePacket
from ingest.webrtc.h264_frames import H264Frames
from ingest.webrtc.rtp_frames import RtpFrame

# A sequence parameter set of 640x480 and one of 320x240, constrained baseline.
LARGE = bytes.fromhex("6742c01edb0280f640")
SMALL = bytes.fromhex("6742c00ddb0507e4")
PICTURE, KEY, OTHER = b"\x68\xca\x83\xcb\x20", b"\x65\x88\x84", b"\x61\x9a\x01"
STEP = 3000


def frame(number: int, *units: bytes, whole: bool = True, missing: int = 0) -> RtpFrame:
    return RtpFrame(number * STEP % 2**32, list(units), whole, missing)


def taken(frames: list[RtpFrame]) -> list[tuple[SourceConfig, SourcePacket]]:
    reader = H264Frames()
    found = [reader.take(one, 5.0, 4.5) for one in frames]
    return [one for one in found if one]


def keyframe(number: int, parameters: bytes = LARGE, missing: int = 0) -> RtpFrame:
    return frame(number, parameters, PICTURE, KEY, missing=missing)


def test_a_packet_has_its_configuration_and_times() -> None:
    (config, key), (again, other) = taken([keyframe(7), frame(8, OTHER)])
    assert (config.codec, config.extradata) == ("h264", b"\0\0\0\x01" + LARGE + b"\0\0\0\x01" + PICTURE)
    assert again is config
    assert (key.pts, key.dts, key.key, key.arrival, key.wall, key.lost) == (21000, 21000, True, 5.0, 4.5, 0)
    assert (other.pts, other.key, other.data) == (24000, False, b"\0\0\0\x01" + OTHER)


def test_times_go_on_over_the_wrap_of_32_bits() -> None:
    begin = 2**32 // STEP
    packets = [packet for _, packet in taken([keyframe(begin), *(frame(begin + n, OTHER) for n in (1, 2))])]
    assert [packet.pts for packet in packets] == [begin * STEP, (begin + 1) * STEP, (begin + 2) * STEP]


def test_a_new_size_is_a_new_configuration() -> None:
    (before, _), (after, _), (same, _) = taken([keyframe(0, SMALL), keyframe(1, LARGE), keyframe(2, LARGE)])
    assert before is not after
    assert after is same


def test_nothing_comes_before_the_first_keyframe_and_it_is_counted() -> None:
    reader = H264Frames()
    assert reader.take(frame(0, OTHER), 0, None) is None
    assert reader.wants_keyframe
    found = reader.take(keyframe(1), 0, None)
    assert found is not None
    assert found[1].lost == 1
    assert not reader.wants_keyframe


def test_after_a_lost_frame_all_up_to_the_next_keyframe_is_left_out_and_counted() -> None:
    # Of frame 2 a part is missing, 3 and 4 never came, 5 refers to them.
    frames = [keyframe(0), frame(1, OTHER), frame(2, OTHER, whole=False), frame(5, OTHER, missing=9), keyframe(6)]
    packets = [packet for _, packet in taken(frames)]
    assert [((packet.pts or 0) // STEP, packet.lost) for packet in packets] == [(0, 0), (1, 0), (6, 4)]


def test_frames_that_never_came_are_not_more_than_the_packets_that_are_missing() -> None:
    packets = [packet for _, packet in taken([keyframe(0), frame(1, OTHER), keyframe(90, missing=2)])]
    assert [packet.lost for packet in packets] == [0, 0, 2]


def test_a_keyframe_whose_beginning_may_be_missing_is_left_out() -> None:
    assert len(taken([keyframe(0), frame(1, KEY, missing=1), frame(2, OTHER)])) == 1


def test_a_damaged_frame_is_a_lost_one() -> None:
    packets = [packet for _, packet in taken([keyframe(0), frame(1, b"\x1c"), frame(2, OTHER), keyframe(3)])]
    assert [packet.lost for packet in packets] == [0, 2]


def test_parameters_and_messages_in_a_packet_of_their_own_belong_to_the_next_picture() -> None:
    ((_, packet),) = taken([frame(1, LARGE, PICTURE), frame(1, b"\x06\x01"), frame(1, KEY)])
    assert packet.data == b"".join(b"\0\0\0\x01" + unit for unit in (LARGE, PICTURE, b"\x06\x01", KEY))


def test_a_sender_of_messages_alone_fills_no_memory() -> None:
    reader = H264Frames()
    message = b"\x06" + bytes(40_000)
    for number in range(50):
        assert reader.take(frame(number, message), 0, None) is None
    found = reader.take(keyframe(50), 0, None)
    assert found is not None
    assert len(found[1].data) < 150_000
