"""Frames out of RTP packets: cut and put together, lost and damaged, with the sender's clock."""

import struct
import sys
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sources.port import SourcePacket
from ingest.sources.rtsp.description import Video, control_url, session_control, videos
from ingest.sources.rtsp.frames import H264Frames, HevcFrames, Mpeg4Frames, frames_of
from ingest.sources.rtsp.jpeg_frames import JpegFrames, scaled_tables
from ingest.sources.rtsp.track import Track
from media import jpeg

SPS, PPS = b"\x67\x42\xc0\x0b\x8c\x68\x0a\x06\xe4\x01\xe1\x10\x8d\x40", b"\x68\xce\x3c\x80"
IDR, SLICE = b"\x65\x88" + b"i" * 30, b"\x41\x9a" + b"p" * 30
START = b"\0\0\0\1"


class Sender:
    """Numbers RTP packets."""

    def __init__(self, number: int = 65_534, source: int = 7) -> None:
        self.number, self.source = number, source

    def packet(self, payload: bytes, time: int, mark: bool = False, kind: int = 96) -> bytes:
        self.number = (self.number + 1) & 0xFFFF
        return struct.pack(">BBHII", 0x80, mark << 7 | kind, self.number, time & 0xFFFFFFFF, self.source) + payload

    def lose(self, count: int = 1) -> None:
        self.number += count


def track(frames: Any = None, clock: int = 90_000) -> Track:
    return Track(frames or H264Frames([]), 96, clock)


def all_of(one: Track, *packets: bytes) -> list[SourcePacket]:
    return [frame for packet in packets for frame in one.rtp(packet, 1.5)]


def test_a_frame_comes_with_its_marked_packet() -> None:
    one, sender = track(), Sender()
    assert all_of(one, sender.packet(SPS, 5), sender.packet(PPS, 5), sender.packet(IDR[:1], 5)) == []
    (frame,) = all_of(one, sender.packet(IDR, 5, mark=True))
    assert frame == SourcePacket(5, None, True, 1.5, START + SPS + START + PPS + START + IDR[:1] + START + IDR)
    (frame,) = all_of(one, sender.packet(SLICE, 3605, mark=True))
    assert (frame.pts, frame.key, frame.lost) == (3605, False, 0)
    assert one.extradata == START + SPS + START + PPS


def test_fragments_and_aggregates_are_put_together() -> None:
    one, sender = track(), Sender()
    together = b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in (SPS, PPS))
    head, body = IDR[:1], IDR[1:]
    parts = [
        b"\x7c" + bytes((flags | head[0] & 31,)) + piece
        for flags, piece in ((0x80, body[:9]), (0, body[9:20]), (0x40, body[20:]))
    ]
    packets = [sender.packet(together, 0), *(sender.packet(part, 0, mark=part is parts[-1]) for part in parts)]
    (frame,) = all_of(one, *packets)
    assert frame.data == START + SPS + START + PPS + START + IDR


def test_h265_fragments_and_aggregates_are_put_together() -> None:
    one, sender = track(HevcFrames([])), Sender()
    sets = [bytes((kind << 1, 1)) + bytes((kind,)) * 5 for kind in (32, 33, 34)]
    unit = bytes((19 << 1, 1)) + b"k" * 40
    together = b"\x60\x01" + b"".join(len(one).to_bytes(2, "big") + one for one in sets)
    parts = [
        b"\x62\x01" + bytes((flags | 19,)) + piece
        for flags, piece in ((0x80, unit[2:9]), (0, unit[9:20]), (0x40, unit[20:]))
    ]
    (frame,) = all_of(one, sender.packet(together, 0), *(sender.packet(p, 0, mark=p is parts[-1]) for p in parts))
    assert (frame.data, frame.key) == (b"".join(START + piece for piece in (*sets, unit)), True)
    assert one.extradata == b"".join(START + piece for piece in sets)


def test_times_wrap_fall_and_follow_the_clock_of_the_payload() -> None:
    """B-frames come after what they are shown before."""
    one, sender = track(clock=45_000), Sender()
    times = [2**32 - 10, 2**32 + 50, 2**32 + 20]
    frames = all_of(one, *(sender.packet(IDR, time, mark=True) for time in times))
    assert [frame.pts for frame in frames] == [2 * time for time in times]


def test_a_lost_packet_costs_its_frame() -> None:
    one, sender = track(), Sender()
    frames = all_of(one, *(sender.packet(IDR, 3600 * n, mark=True) for n in range(3)))
    packets = [sender.packet(SLICE, 3600 * 3)]
    sender.lose()
    packets += [sender.packet(SLICE, 3600 * 3, mark=True), sender.packet(SLICE, 3600 * 4, mark=True)]
    frames += all_of(one, *packets)
    assert [(frame.pts, frame.lost) for frame in frames] == [(0, 0), (3600, 0), (7200, 0), (14400, 1)]


def test_lost_frames_are_counted_by_their_times() -> None:
    one, sender = track(), Sender()
    frames = all_of(one, *(sender.packet(IDR, 3600 * n, mark=True) for n in range(3)))
    sender.lose(9)
    frames += all_of(one, sender.packet(SLICE, 3600 * 7, mark=True), sender.packet(SLICE, 3600 * 8, mark=True))
    assert [(frame.pts, frame.lost) for frame in frames[3:]] == [(3600 * 7, 4), (3600 * 8, 0)]


def test_a_fragment_without_its_beginning_or_end_costs_its_frame() -> None:
    one, sender = track(), Sender()
    middle = b"\x7c\x05" + IDR
    begin = b"\x7c\x85" + IDR
    packets = [sender.packet(middle, 0, mark=True), sender.packet(begin, 3600), sender.packet(IDR, 7200, mark=True)]
    (frame,) = all_of(one, *packets)
    assert (frame.pts, frame.lost) == (7200, 2)


def test_a_camera_that_marks_each_packet_is_understood() -> None:
    one, sender = track(), Sender()
    frames = all_of(one, *(sender.packet(unit, 3600 * n, mark=True) for n in range(4) for unit in (SLICE, SLICE)))
    assert [(frame.pts, frame.data.count(SLICE)) for frame in frames[1:]] == [(3600, 2), (7200, 2)]


def test_parameter_sets_with_a_time_of_their_own_belong_to_the_next_frame() -> None:
    one, sender = track(), Sender()
    packets = [sender.packet(SPS, 1, mark=True), sender.packet(PPS, 2, mark=True), sender.packet(IDR, 3, mark=True)]
    (frame,) = all_of(one, *packets)
    assert (frame.data, frame.pts, frame.lost) == (START + SPS + START + PPS + START + IDR, 3, 0)


@pytest.mark.parametrize("step", [0, 3600])
@pytest.mark.parametrize(
    "payload",
    [
        b"\x06" + b"x" * 60_000,  # a unit without a picture
        b"\x06",
        b"\x7c\x06x",  # the middle of one in fragments
        b"\x78" + b"\0\1\x06" * 2000,  # many in a packet
    ],
    ids=["large", "small", "fragments", "aggregated"],
)
def test_a_camera_that_sends_no_picture_fills_no_memory(payload: bytes, step: int, monkeypatch: Any) -> None:
    monkeypatch.setattr("ingest.sources.rtsp.track.FRAME_MAX_BYTES", most := 300_000)
    one, sender = track(frames := H264Frames([])), Sender()
    if payload[:1] == b"\x7c":
        all_of(one, sender.packet(b"\x7c\x86x", 0))
        step = 0  # another time ends a unit in fragments
    count, held = (20_000, []) if len(payload) < 100 else (60, [])
    for number in range(count):
        assert all_of(one, sender.packet(payload, step * number)) == []
        if number % (count // 20) == 0:
            held.append(sum(map(sys.getsizeof, frames._parts)) + 8 * (len(frames._parts) + len(frames._heads)))
    assert max(held) < 1.5 * most, "what is kept, with what it takes to keep it"
    (frame,) = all_of(one, sender.packet(SLICE, 2**30), sender.packet(IDR, 2**30 + 3600, mark=True))[-1:]
    assert frame.pts == 2**30 + 3600, "the camera is read on"


def test_a_sender_that_begins_anew_is_followed() -> None:
    one, sender = track(), Sender()
    all_of(one, sender.packet(IDR, 3600, mark=True), sender.packet(SLICE, 7200))
    (frame,) = all_of(one, Sender(number=100, source=8).packet(IDR, 0, mark=True))
    assert (frame.pts, frame.lost) == (0, 1)


def test_the_clock_of_the_sender_is_known_after_its_report() -> None:
    one, sender = track(), Sender()
    (frame,) = all_of(one, sender.packet(IDR, 90_000, mark=True))
    assert frame.wall is None
    one.rtcp(report(1_800_000_000.5, 90_000))
    (frame,) = all_of(one, sender.packet(IDR, 180_000, mark=True))
    assert frame.wall == 1_800_000_001.5
    one.rtcp(report(100_000, 180_000))  # a camera whose clock was never set
    (frame,) = all_of(one, sender.packet(IDR, 270_000, mark=True))
    assert frame.wall is None


def report(unix: float, time: int) -> bytes:
    ntp = unix + 2_208_988_800
    return struct.pack(">BBHIIIIII", 0x80, 200, 6, 7, int(ntp), int(ntp % 1 * 2**32), time, 1, 1)


@pytest.mark.parametrize(
    "data", [b"", b"\x80", b"\x80\x60" + b"\0" * 10, b"\0" * 40, b"\x9f\x60" + b"\0" * 12, b"\xa0\x60" + b"\xff" * 12]
)
def test_bytes_that_are_no_packet_are_left_out(data: bytes) -> None:
    one = track()
    assert all_of(one, data) == []
    one.rtcp(data)


def test_padding_and_extensions_are_left_out() -> None:
    one, sender = track(), Sender()
    plain = sender.packet(b"", 0, mark=True)
    data = bytes((0xB1,)) + plain[1:] + b"csrc" + b"\xbe\xde\0\1" + b"exts" + IDR + b"\0\0\3"
    assert [frame.data for frame in all_of(one, data)] == [START + IDR]


def test_mpeg4_parts_are_joined() -> None:
    one, sender = track(Mpeg4Frames(b"config")), Sender()
    packets = [sender.packet(b"\0\0\1\xb6\x10", 0), sender.packet(b"rest", 0, mark=True)]
    frames = all_of(one, *packets, sender.packet(b"\0\0\1\xb6\x50", 1, mark=True))
    assert [(frame.data, frame.key) for frame in frames] == [(b"\0\0\1\xb6\x10rest", True), (b"\0\0\1\xb6\x50", False)]


def test_a_jpeg_gets_its_header_back() -> None:
    """Of the same pixels as the picture that was cut up."""
    picture = plain_jpeg()
    tables = b"".join(content[1:65] for marker, content in jpeg.segments(picture) if marker == 0xDB)
    (restart,) = (content for marker, content in jpeg.segments(picture) if marker == 0xDD)
    scan = picture[picture.index(b"\xff\xda") :]
    scan = scan[2 + int.from_bytes(scan[2:4], "big") :]
    sender, packets = Sender(), []
    for at in range(0, len(scan), 1000):
        header = b"\0" + at.to_bytes(3, "big") + bytes((65, 255, 160 // 8, 96 // 8)) + restart + b"\xff\xff"
        begun = b"" if at else b"\0\0\0\x80" + (tables * 2)[:128]
        packets.append(sender.packet(header + begun + scan[at : at + 1000], 0, mark=at + 1000 >= len(scan)))
    assert len(packets) > 2
    (frame,) = all_of(track(JpegFrames()), *packets)
    assert frame.key
    assert np.array_equal(pixels(frame.data), pixels(picture))
    assert all_of(track(JpegFrames()), packets[0], *packets[2:]) == []


def test_tables_of_a_quality() -> None:
    assert scaled_tables(50)[:3] == bytes((16, 11, 12))
    assert scaled_tables(25)[:3] == bytes((32, 22, 24))
    assert scaled_tables(99)[:3] == bytes((1, 1, 1))
    assert scaled_tables(1)[0] == 255


def plain_jpeg() -> bytes:
    """With the codes of the standard, as RTP takes for granted."""
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 160, 96, "yuvj420p"
    encoder.time_base, encoder.options = Fraction(1, 25), {"huffman": "default"}
    noise = np.random.default_rng(1).integers(0, 255, (96, 160, 3), np.uint8)
    (packet,) = encoder.encode(av.VideoFrame.from_ndarray(noise, "rgb24").reformat(format="yuvj420p"))
    return bytes(packet)


def pixels(picture: bytes) -> Any:
    decoder: Any = av.CodecContext.create("mjpeg", "r")
    return decoder.decode(av.Packet(picture))[0].to_ndarray()


SDP = """v=0
o=- 0 0 IN IP4 0.0.0.0
s=x
a=control:{control}
m=audio 0 RTP/AVP 0
a=control:trackID=1
m=video 0 RTP/AVP 97
b=AS:5000
a=framerate:12.5
a=rtpmap:97 H264/90000
a=fmtp:97 packetization-mode=1;profile-level-id=42C00B; sprop-parameter-sets=Z0LADIxoCgbkAeEQjUA=,aM48gA==
a=control:trackID=2
m=video 0 RTP/AVP 26
"""


def test_a_description_is_read() -> None:
    text = SDP.format(control="*")
    first, second = videos(text)
    assert (first.encoding, first.payload_type, first.clock, first.control, first.fps) == (
        "H264",
        97,
        90_000,
        "trackID=2",
        12.5,
    )
    assert [one[0] for one in first.parts("sprop-parameter-sets")] == [0x67, 0x68]
    assert (second.encoding, second.payload_type) == ("JPEG", 26)
    assert session_control(text) == "*"
    assert isinstance(frames_of(first), H264Frames)
    assert isinstance(frames_of(second), JpegFrames)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m=video",
        "m=video 0 RTP/AVP x\na=rtpmap:x",
        "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/99999999999",
        "m=video 0 RTP/AVP 96\na=fmtp:96 sprop-parameter-sets=%%",
    ],
)
def test_a_broken_description_is_read_as_far_as_it_goes(text: str) -> None:
    assert all(isinstance(one, Video) and one.parts("sprop-parameter-sets") == [] for one in videos(text))


@pytest.mark.parametrize(
    ("base", "control", "expected"),
    [
        ("rtsp://h/a/", "track1", "rtsp://h/a/track1"),
        ("rtsp://h/a", "track1", "rtsp://h/a/track1"),
        ("rtsp://h/a?x=1", "track1", "rtsp://h/a?x=1/track1"),
        ("rtsp://h/a", "rtsp://h/b/1", "rtsp://h/b/1"),
        ("rtsp://h/a", "*", "rtsp://h/a"),
        ("rtsp://h/a", "", "rtsp://h/a"),
    ],
)
def test_where_a_track_is_set_up(base: str, control: str, expected: str) -> None:
    assert control_url(base, control) == expected


@given(st.text(max_size=200), st.sampled_from(["", "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/", "m=video 1 RTP/AVP "]))
def test_any_description_is_read(text: str, begun: str) -> None:
    for video in videos(begun + text):
        assert video.clock > 0
        assert 0 <= video.fps < 10_000
        assert control_url("rtsp://h/a", video.control)
        frames_of(video)


@given(st.lists(st.tuples(st.binary(max_size=60), st.booleans(), st.integers(0, 3)), max_size=12), st.integers(0, 3))
def test_any_payloads_are_read(payloads: list[tuple[bytes, bool, int]], kind: int) -> None:
    frames = [H264Frames([]), HevcFrames([]), Mpeg4Frames(b""), JpegFrames()][kind]
    one, sender = track(frames), Sender()
    for payload, mark, time in payloads:
        for frame in one.rtp(sender.packet(payload, time, mark), 0):
            assert frame.data
        one.rtcp(payload)
    assert isinstance(one.extradata, bytes)
