"""H.264 and H.265 without a container: every frame once, at the rate that the stream states or that is assumed."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial

import pytest

from contracts.wire.messages import FpsSource, ProbeReport
from detector.decode.frames import decode
from media.h264_syntax import start_coded
from processor.probe.child import Limits, inspect
from processor.probe.picture_order import PictureOrder
from processor.renditions.frames import numbered_frames, opened
from tests.media.test_formats import CHUNK_SIZES, chunks, probed
from tests.support.videos.cases import file
from tests.support.videos.formats import File, encode, planes, remux

SQUARE = (64, 64)
h264 = partial(encode, "h264", "libx264", b_frames=2)
hevc = partial(encode, "hevc", "libx265", b_frames=2, size=SQUARE)


def cut(stream: File, start: float = 0, stop: float = 1) -> File:
    """A part of the bytes, which begins and ends wherever that is."""
    size = len(stream.content)
    return File(stream.content[int(size * start) : int(size * stop)])


def without_a_part(stream: File) -> File:
    middle = len(stream.content) // 2
    return File(stream.content[:middle] + stream.content[middle + 700 :])


def with_headers_once(stream: File) -> File:
    """Without the parameter sets of all keyframes but the first."""
    seen, kept = set(), []
    for unit in start_coded(stream.content):
        if unit[0] & 31 not in (7, 8) or unit[0] not in seen:
            kept.append(unit)
        seen.add(unit[0])
    return File(b"".join(b"\0\0\0\x01" + unit.rstrip(b"\0") for unit in kept))


def with_b_frames_later(stream: File) -> File:
    """Without the B-frames of the first half."""
    units = list(start_coded(stream.content))
    kept = [unit for number, unit in enumerate(units) if unit[0] != 1 or number > len(units) / 2]
    return File(b"".join(b"\0\0\0\x01" + unit.rstrip(b"\0") for unit in kept))


STREAMS: dict[str, tuple[Callable[[], File], int]] = {
    "slices and delimiters": (lambda: h264(parameters=["slices=4", "aud=1"], size=(64, 128)), 48),
    "delimiters, hevc": (lambda: hevc(parameters=["aud=1"]), 48),
    "headers once alone": (lambda: with_headers_once(h264()), 48),
    "intra-refresh": (lambda: h264(parameters=["intra-refresh=1"]), 48),
    "one keyframe": (lambda: h264(every=1000), 48),
    "no B-frames": (lambda: h264(b_frames=0), 48),
    "no B-frames, begins within a frame": (lambda: cut(h264(b_frames=0), start=0.3), 24),
    "no B-frames, ends within a frame": (lambda: cut(h264(b_frames=0), stop=0.7), 33),
    "no B-frames, a part is missing": (lambda: without_a_part(h264(b_frames=0)), 48),
    "no B-frames, slices": (lambda: h264(b_frames=0, parameters=["slices=4", "aud=1"], size=(64, 128)), 48),
    "no B-frames, interlaced": (
        lambda: h264(b_frames=0, parameters=["tff=1"], options={"flags": "+ildct+ilme"}),
        48,
    ),
    "no B-frames, hevc": (lambda: hevc(b_frames=0), 48),
    "no B-frames, hevc, 10 bits": (lambda: hevc(b_frames=0, pixels="yuv444p10le"), 48),
    "no B-frames, hevc, longer than the counter": (lambda: hevc(b_frames=0, frames=300, every=1000), 300),
    "intra-refresh, begins within a frame": (
        lambda: cut(h264(b_frames=0, frames=96, parameters=["intra-refresh=1"], size=(320, 96)), start=0.3),
        49,
    ),
    "pyramids of B-frames": (lambda: h264(b_frames=8, frames=96, every=48, parameters=["b-pyramid=normal"]), 96),
    "open groups, hevc": (lambda: hevc(b_frames=4, open_groups=True), 48),
    "layers, hevc": (lambda: hevc(b_frames=4, parameters=["temporal-layers=3"]), 48),
    "longer than the counter": (lambda: h264(b_frames=3, frames=300, every=1000), 300),
    "B-frames later": (lambda: with_b_frames_later(h264(frames=96, parameters=["b-pyramid=0"])), 68),
    "fields": (lambda: remux(file("clocks/fields_in_two_packets.mp4"), "h264"), 24),
    "interlaced": (lambda: h264(parameters=["tff=1"], options={"flags": "+ildct+ilme"}), 48),
    "begins with other frames than a keyframe": (
        lambda: remux(encode("matroska", "libx264", b_frames=2), "h264", drop=lambda number: number < 5),
        36,
    ),
    "begins within a frame": (lambda: cut(h264(), start=0.3), 24),
    "begins within a frame, hevc": (lambda: cut(hevc(), start=0.3), 24),
    "ends within a frame": (lambda: cut(h264(), stop=0.7), 33),
    "ends within a frame, hevc": (lambda: cut(hevc(), stop=0.8), 36),
    "a part is missing": (lambda: without_a_part(h264()), 48),
    "begins with something else": (lambda: File(b"\x55" * 1000 + h264().content), 48),
    "two recordings of other sizes": (lambda: File(h264().content + h264(size=(96, 64)).content), 96),
}

# Some pictures are fields, headers change, a packet is no picture, or the decoder gives no frame at first.
NOT_TOLD = {
    "fields",
    "two recordings of other sizes",
    "ends within a frame, hevc",
    "intra-refresh, begins within a frame",
}


@pytest.fixture(scope="module", params=STREAMS)
def read(request: pytest.FixtureRequest) -> tuple[File, int, ProbeReport]:
    make, frames = STREAMS[request.param]
    stream = make()
    return stream, frames, probed(stream)


@pytest.mark.parametrize("size", CHUNK_SIZES)
def test_the_chunks_together_are_the_plain_decode(read: tuple[File, int, ProbeReport], size: int) -> None:
    stream, frames, report = read
    assert report.media is not None
    assert (report.media.frames, report.media.damage) == (frames, None)
    expected = [planes(frame) for frame in stream.frames]
    found = [
        (chunk.times[place], planes(frame))
        for chunk in chunks(report, size)
        for place, frame in decode(stream.source(), chunk)
    ]
    assert [time for time, _ in found] == list(range(frames))
    assert [content for _, content in found] == expected


def test_copies_show_the_same_frames(read: tuple[File, int, ProbeReport]) -> None:
    stream, frames, report = read
    assert report.index is not None
    with opened(stream.source(), report.index) as video:
        found = [(number, time, planes(frame)) for number, time, frame in numbered_frames(video, report.index)]
    assert found == [(number, number, planes(stream.frames[number])) for number in range(frames)]


def test_the_order_of_display_is_told_without_decoding(
    read: tuple[File, int, ProbeReport], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it is that of decoding; where it is not told, the frames are decoded."""
    stream, _, report = read
    with monkeypatch.context() as patch:
        patch.setattr("processor.probe.indexing.Video", None)
        if request.node.callspec.params["read"] in NOT_TOLD:
            with pytest.raises(TypeError):
                probed(stream)
        else:
            assert probed(stream) == report
    monkeypatch.setattr(PictureOrder, "frames", lambda _: None)
    assert probed(stream) == report


def test_a_requested_rate_comes_before_all_others() -> None:
    media = inspect(h264().source(), Limits(10**8, 10**6, 10**14), fps=12.5).media
    assert media is not None
    assert (media.fps, media.fps_source, media.duration_ms) == (12.5, "request", 3840.0)


@pytest.mark.parametrize(
    ("make", "fps", "source", "duration_ms"),
    [
        (lambda: h264(rate=Fraction(30000, 1001)), 29.97, "stream", 1601.6),
        (lambda: h264(rate=Fraction(7)), 7.0, "stream", 6857.143),
        (lambda: hevc(rate=Fraction(25, 2)), 12.5, "stream", 3840.0),
        (lambda: h264(frames=1), 25.0, "stream", 40.0),
        # A clock of 90 kHz, which is no rate of frames; and a stream that says nothing.
        (lambda: h264(rate=Fraction(90000)), 25.0, "assumed", 1920.0),
        (lambda: hevc(parameters=["vui-timing-info=0"]), 25.0, "assumed", 1920.0),
    ],
)
def test_the_rate_is_the_one_that_the_stream_states_or_assumed(
    make: Callable[[], File], fps: float, source: FpsSource, duration_ms: float
) -> None:
    media = probed(make()).media
    assert media is not None
    assert (media.fps, media.fps_source, media.duration_ms) == (fps, source, duration_ms)
    assert not media.variable_fps
