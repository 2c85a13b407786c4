"""Recordings whose clock begins anew, in each container that can hold one, frame by frame as in a plain decode."""

import io
from collections.abc import Callable

import pytest

from contracts.wire.messages import Media, ProbeReport
from detector.decode.frames import decode
from tests.media.test_formats import CHUNK_SIZES, chunks, probed
from tests.support.videos.formats import File, encode, planes

FIRST, SECOND = 36, 24
_CLUSTER = b"\x1f\x43\xb6\x75"
_FLV_HEADER_BYTES = 13


def two(container: str, codec: str, **options: object) -> tuple[bytes, bytes]:
    """Two recordings of a recorder that was started twice."""
    return tuple(encode(container, codec, frames=n, **options).content for n in (FIRST, SECOND))  # type: ignore[arg-type,return-value]


def joined(container: str, codec: str, **options: object) -> File:
    first, second = two(container, codec, **options)
    return File(first + second)


def flv() -> File:
    first, second = two("flv", "libx264", b_frames=2)
    return File(first + second[_FLV_HEADER_BYTES:])


def matroska(container: str, codec: str, **options: object) -> File:
    first, second = two(container, codec, muxing={"live": "1"}, **options)
    return File(first + second[second.index(_CLUSTER) :])


RESTARTED: dict[str, Callable[[], File]] = {
    "h264, mpegts": lambda: joined("mpegts", "libx264", b_frames=2),
    "h264, open groups, mpegts": lambda: joined("mpegts", "libx264", b_frames=2, open_groups=True),
    "mpeg2, mpegts": lambda: joined("mpegts", "mpeg2video", b_frames=2),
    "h264, program stream": lambda: joined("vob", "libx264", b_frames=2),
    "mpeg2, program stream": lambda: joined("vob", "mpeg2video", b_frames=2, bit_rate=0),
    "h264, flv": flv,
    "h264, matroska": lambda: matroska("matroska", "libx264", b_frames=2),
    "vp8, webm": lambda: matroska("webm", "libvpx"),
    "vp8, ogg": lambda: joined("ogg", "libvpx"),
}


@pytest.fixture(scope="module", params=RESTARTED)
def restarted(request: pytest.FixtureRequest) -> tuple[File, ProbeReport]:
    file = RESTARTED[request.param]()
    return file, probed(file)


def media_of(report: ProbeReport) -> Media:
    assert report.media is not None
    return report.media


def test_each_frame_counts_and_time_goes_on(restarted: tuple[File, ProbeReport]) -> None:
    file, report = restarted
    media = media_of(report)
    assert len(file.frames) == FIRST + SECOND
    assert (media.frames, media.fps, media.duration_ms) == (60, 25.0, 2400.0)
    [chunk] = chunks(report, 1000)
    assert report.index is not None
    numerator, denominator = report.index.time_base
    times = [time * 1000 * numerator / denominator for time in chunk.times]
    assert times == pytest.approx([number * 40 for number in range(60)], abs=1)


def test_the_segments_of_the_clock_are_listed(restarted: tuple[File, ProbeReport]) -> None:
    media = media_of(restarted[1])
    start = media.start_ms if isinstance(media.start_ms, float) else 0.0
    assert isinstance(media.clock, tuple)
    assert [(item.frame, item.time_ms, item.reason) for item in media.clock] == [
        (0, 0, "start"),
        (36, 1440, "jump_back"),
    ]
    assert [item.container_ms for item in media.clock] == [start, start]


@pytest.mark.parametrize("size", CHUNK_SIZES)
def test_the_chunks_together_are_the_plain_decode(restarted: tuple[File, ProbeReport], size: int) -> None:
    file, report = restarted
    found = {}
    for chunk in chunks(report, size):
        for place, frame in decode(io.BytesIO(file.content), chunk):
            found[chunk.numbers[place]] = planes(frame)
    assert found == dict(enumerate(planes(frame) for frame in file.frames))


def test_sampled_frames_are_found_on_both_sides_of_the_break(restarted: tuple[File, ProbeReport]) -> None:
    file, report = restarted
    wanted = (0, 35, 36, 59)
    found = {}
    for chunk in chunks(report, 24, wanted):
        for place, frame in decode(io.BytesIO(file.content), chunk):
            found[chunk.numbers[place]] = planes(frame)
    assert found == {number: planes(file.frames[number]) for number in wanted}
