"""Decoding in chunks equals decoding from the start to the end, and images are as a player shows them."""

import io
from collections.abc import Callable
from typing import Any, BinaryIO

import av
import numpy as np
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from contracts.errors import DecodeFailed
from contracts.wire.messages import Chunk, Stretch
from detector.decode.frames import ToImage, decode
from detector.view import whole
from media.frames_of_packets import frames_of_packets
from media.orientation import Orientation
from media.seekable_video import Video
from tests.support.videos.clips import (
    Clip,
    chunks,
    clip,
    display_order,
    packets_of,
    pixels,
    reordered,
    seek_point,
    sequential,
)

# Containers and codecs with the clock that tells their frames apart.
KINDS: dict[str, tuple[dict[str, Any], Any]] = {
    "mp4": ({}, "pts"),
    "mp4, open groups": ({"open_gop": True}, "pts"),
    "mp4, one keyframe": ({"every": 60}, "pts"),
    "mkv": ({"container": "matroska"}, "pts"),
    "mkv, open groups": ({"container": "matroska", "open_gop": True}, "pts"),
    "ts": ({"container": "mpegts"}, "pts"),
    "ts, open groups": ({"container": "mpegts", "open_gop": True}, "pts"),
    "ts, mpeg2": ({"container": "mpegts", "codec": "mpeg2video"}, "pts"),
    "avi, mpeg4": ({"container": "avi", "codec": "mpeg4"}, "pts"),
    "avi": ({"container": "avi"}, "dts"),
    "avi, open groups": ({"container": "avi", "open_gop": True}, "dts"),
    "webm": ({"container": "webm", "codec": "libvpx", "b_frames": 0}, "pts"),
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[Clip, Any]:
    options, clock = KINDS[request.param]
    made = clip(**options)
    assert len(made.packets) == 60
    # An avi does not tell; its frames are stored out of order all the same.
    assert reordered(made) == (clock == "pts" and options.get("b_frames") != 0)
    return made, clock


def decoded_chunk(source: BinaryIO, chunk: Chunk, on_packet: Callable[[], None] = lambda: None) -> list[Any]:
    """(time, bytes of the pixels) of the frames of a chunk."""
    return [(chunk.times[place], pixels(frame)) for place, frame in decode(source, chunk, on_packet)]


def stretch_of(chunk: Chunk) -> Stretch:
    assert chunk.stretches is not UNSET
    [stretch] = chunk.stretches
    return stretch


@pytest.mark.parametrize("starts", [[0, 12, 24, 36, 48], [0, 24], [0, 7, 30, 31, 59], [0]])
def test_the_chunks_together_are_the_video(kind: tuple[Clip, Any], starts: list[int]) -> None:
    made, clock = kind
    cut = chunks(made, starts, clock)
    assert len(cut) == len(starts)
    found = [found for chunk in cut for found in decoded_chunk(made.source(), chunk)]
    expected = sequential(made, clock)
    assert [time for time, _ in found] == [time for time, _ in expected]
    assert len({content for _, content in expected}) == 60, "frames look alike: the clip proves nothing"
    assert found == expected


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_a_chunk_at_a_keyframe_reads_no_other_group(container: str) -> None:
    made = clip(container)
    for chunk in chunks(made, [0, 12, 24, 36, 48]):
        packets = 0

        def count() -> None:
            nonlocal packets
            packets += 1

        assert len(list(decode(made.source(), chunk, count))) == 12
        assert packets <= 12 + 3  # those that the decoder holds back


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_when_the_first_frame_is_missing_decoding_restarts_earlier(container: str) -> None:
    made = clip(container)
    expected = sequential(made)[24:36]
    chunk = chunks(made, [0, 24, 36])[1]
    stretch = stretch_of(chunk)
    right, late = stretch.seeks[0], seek_point(made, made.keyframes[3])
    for seeks in ((late, right, None), (late, None), (late, late, None)):
        moved = replace(chunk, stretches=(replace(stretch, seeks=seeks),))
        assert decoded_chunk(made.source(), moved) == expected


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts", "avi", "flv"])
def test_a_keyframe_that_a_seek_does_not_find_is_counted_from_the_start(container: str) -> None:
    made = clip(container, b_frames=0)
    chunk = chunks(made, [0, 24, 36])[1]
    stretch = stretch_of(chunk)
    point = seek_point(made, 24)
    assert stretch.seeks[0] == point
    for lost in (
        replace(point, pts=10**9, dts=10**9, location=replace(point.location, position=10**9)),
        replace(point, pts=None, dts=None, location=replace(point.location, position=None, size=1)),
        replace(point, location=replace(point.location, size=1)),
    ):
        moved = replace(chunk, stretches=(replace(stretch, seeks=(lost,)),))
        assert decoded_chunk(made.source(), moved) == sequential(made)[24:36]


def test_when_all_places_are_used_up_what_there_is_counts() -> None:
    made = clip()
    chunk = chunks(made, [0, 24])[1]
    odd = replace(chunk, times=(0, *chunk.times), packets=(999, *packets_of(chunk)))  # a packet that there is not
    assert [place for place, _ in decode(made.source(), odd)] == list(range(1, 37))


def test_only_expected_frames_come_and_each_once() -> None:
    made = clip()
    chunk = chunks(made, [0, 24])[1]
    sampled = replace(chunk, times=chunk.times[::5], packets=packets_of(chunk)[::5])
    assert decoded_chunk(made.source(), sampled) == sequential(made)[24::5]


def test_a_chunk_that_release_1_0_planned_is_refused() -> None:
    chunk = replace(chunks(clip(frames=12), [0])[0], packets=UNSET, stretches=UNSET)
    with pytest.raises(DecodeFailed, match="earlier release: start it again"):
        list(decode(clip(frames=12).source(), chunk))


def test_of_a_video_that_is_cut_short_the_beginning_comes() -> None:
    for container in ("matroska", "mpegts"):
        made = clip(container)
        source = io.BytesIO(made.content[: len(made.content) * 2 // 3])
        found = decoded_chunk(source, chunks(made, [0])[0])
        assert 20 < len(found) < 60
        assert found[:20] == sequential(made)[:20]


def test_of_a_damaged_video_the_rest_comes() -> None:
    made = clip("matroska", b_frames=0)
    with av.open(made.source(), "r") as container:
        content = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    broken = made.content
    for number in range(25, 28):
        broken = broken.replace(content[number][5:], b"\xff" * (len(content[number]) - 5))
    assert broken != made.content
    expected = sequential(made)
    found = decoded_chunk(io.BytesIO(broken), chunks(made, [0])[0])
    assert found[:25] == expected[:25]
    assert found[-24:] == expected[36:]


def test_what_is_no_video_is_refused() -> None:
    chunk = chunks(clip(frames=12), [0])[0]
    for content in (b"", b"hello", b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/hostname\n"):
        with pytest.raises(DecodeFailed, match="cannot be opened"):
            list(decode(io.BytesIO(content), chunk))


def test_an_error_of_the_storage_is_not_taken_for_a_damaged_video() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 6000:
                raise ConnectionResetError("the storage went away")
            return super().read(size)

    made = clip("mpegts", size=(640, 360))
    with pytest.raises(ConnectionResetError):
        list(decode(Failing(made.content), chunks(made, [0])[0]))


def test_an_error_of_on_packet_comes_through_before_the_first_frame() -> None:
    made = clip(every=60)
    chunk = chunks(made, [0, 50])[1]
    packets = 0

    def stop() -> None:
        nonlocal packets
        packets += 1
        if packets == 5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        list(decode(made.source(), chunk, stop))


CORNERS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def corners(image: Any, channels: str) -> list[str]:
    """The colours of the corners, clockwise from the top left."""
    rgb = image if channels == "RGB" else image[:, :, ::-1]
    samples = [rgb[8, 8], rgb[8, -8], rgb[-8, -8], rgb[-8, 8]]
    return [min(CORNERS, key=lambda name: np.abs(sample - np.array(CORNERS[name])).sum()) for sample in samples]


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_an_image_is_upright_and_in_the_models_colours(rotation: int, channels: str) -> None:
    picture = np.zeros((96, 160, 3), np.uint8)
    picture[:48, :80], picture[:48, 80:] = CORNERS["red"], CORNERS["green"]
    picture[48:, 80:], picture[48:, :80] = CORNERS["blue"], CORNERS["white"]
    made = clip(frames=1, every=1, b_frames=0, clockwise=rotation, images=[picture])
    with av.open(made.source(), "r") as container:
        frame = next(container.decode(video=0))
    assert -frame.rotation % 360 == rotation, "the clip does not say that it is turned"
    image = ToImage(Orientation(rotation), whole((48, 64)), channels)(frame)
    assert image.shape == (64, 48, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    # Turned clockwise, what was at the bottom left comes to the top left.
    shown = list(CORNERS)
    turns = rotation // 90
    assert corners(image, channels) == shown[4 - turns :] + shown[: 4 - turns]


def decoded(made: Clip, wanted: list[int]) -> dict[int, bytes]:
    """All that the decoder gives when only the frames with these packets are wanted, by packet."""
    video = Video(made.source())
    try:
        frames = frames_of_packets(video.packets(), video.stream, frozenset(wanted))
        return {packet: pixels(frame) for packet, frame in frames}
    finally:
        video.close()


@pytest.mark.parametrize(("codec", "b_frames"), [("libx264", 2), ("mpeg4", 2), ("mpeg2video", 2), ("mjpeg", 0)])
def test_what_nobody_wants_and_nothing_refers_to_is_not_decoded(codec: str, b_frames: int) -> None:
    made = clip("matroska", codec, frames=40, every=1 if codec == "mjpeg" else 12, b_frames=b_frames)
    whole = {packet: content for packet, (_, content) in zip(display_order(made), sequential(made), strict=True)}
    wanted = list(whole)[::7]
    given = decoded(made, wanted)
    assert set(wanted) <= set(given)
    assert {packet: whole[packet] for packet in given} == given
    most = len(wanted) if codec == "mjpeg" else 32
    assert len(given) <= most, "everything was decoded"
    assert len(decoded(made, list(whole))) == len(whole)


def test_where_frames_refer_to_all_others_all_are_decoded() -> None:
    made = clip("matroska", "libx264", frames=40, b_frames=0)
    assert len(decoded(made, [0])) == 40


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
def test_groups_that_nobody_wants_are_not_read(container: str) -> None:
    made = clip(container, frames=120)
    expected = sequential(made)
    numbers = [0, 60, 71, 119]
    [whole] = chunks(made, [0])
    packets = tuple(packets_of(whole)[number] for number in numbers)
    stretches = (
        Stretch(0, (None,), packets[0]),
        Stretch(1, (seek_point(made, 60),), max(packets[1:3])),
        Stretch(3, (seek_point(made, 108),), packets[3]),
    )
    times = tuple(whole.times[number] for number in numbers)
    chunk = replace(whole, times=times, sampled=tuple(numbers), packets=packets, stretches=stretches)
    read = 0

    def count() -> None:
        nonlocal read
        read += 1

    assert decoded_chunk(made.source(), chunk, count) == [expected[number] for number in numbers]
    assert read < 60, "groups between were read"
