"""The codec's own syntax says where decoding may start, also in files in which each packet is called a keyframe."""

import io

import av
import pytest

from detector.decode.frames import decode
from media.keyframe_syntax import KeyframeSyntax
from tests.media.test_formats import chunks, probed
from tests.support.videos.formats import EVERY, FRAMES, encode, planes, remux

SQUARE = (64, 64)
HONEST = [
    ("mp4", "libx264"),
    ("mpegts", "libx264"),
    ("mp4", "libx265"),
    ("mpegts", "libx265"),
    ("mp4", "mpeg4"),
    ("mpegts", "mpeg2video"),
    ("webm", "libvpx"),
    ("webm", "libvpx-vp9"),
    ("webm", "libsvtav1"),
]


@pytest.mark.parametrize(("container", "codec"), HONEST)
def test_the_syntax_agrees_with_flags_that_are_right(container: str, codec: str) -> None:
    file = encode(container, codec, size=SQUARE)
    with av.open(file.source(), "r") as opened:
        stream = opened.streams.video[0]
        syntax = KeyframeSyntax(stream.codec_context)
        flags = [
            (packet.is_keyframe, not syntax.denies(bytes(packet))) for packet in opened.demux(stream) if packet.size
        ]
    assert syntax.known
    assert [said for said, _ in flags].count(True) == FRAMES // EVERY
    assert [said for said, _ in flags] == [found for _, found in flags]


LYING = {
    "libx265": ("mp4", list(range(0, FRAMES, EVERY))),
    "mpeg4": ("mp4", list(range(0, FRAMES, EVERY))),
    # Their syntax is not read.
    "wmv2": ("asf", [0]),
    "flv": ("flv", [0]),
    "mjpeg": ("avi", list(range(FRAMES))),
}


@pytest.mark.parametrize("codec", LYING)
def test_where_each_packet_is_called_a_keyframe_frames_are_those_of_a_plain_decode(codec: str) -> None:
    container, keyframes = LYING[codec]
    file = remux(
        encode("avi" if codec in ("wmv2", "flv") else "matroska", codec, size=SQUARE), container, all_keyframes=True
    )
    assert file.keyframes == list(range(FRAMES)), "the file does not lie"
    report = probed(file)
    assert report.index is not None
    assert list(report.index.keyframes) == keyframes
    found = {}
    for chunk in chunks(report, EVERY):
        for place, frame in decode(io.BytesIO(file.content), chunk):
            found[chunk.numbers[place]] = planes(frame)
    assert found == dict(enumerate(planes(frame) for frame in file.frames))
