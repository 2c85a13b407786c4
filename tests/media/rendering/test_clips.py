"""Clips made by the bounded process: decoded, their frames are those of the source at the same times."""

import io
import tempfile
from collections.abc import Callable
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any, BinaryIO, cast

import av
import pytest

from contracts.errors import VideoRefused
from contracts.wire.renditions import Part
from processor.core.frame_order import frame_order, keyframe_ranks
from processor.renditions.clips.cutting import cut
from processor.renditions.clips.exact import encode
from processor.renditions.encoder import Target
from tests.media.rendering.test_rendering import Made, far, probed, rendered, times_of, upright
from tests.support.videos import formats, sizes
from tests.support.videos.formats import File, planes
from tests.support.videos.sounding import told_time, with_sound

UNEVEN = [0, 1, 2, 10, 11, 30, 31, 32, 50, 75, 76, 80, 81, 99]
FILES: dict[str, tuple[Callable[[], File], str]] = {
    "h264": (lambda: formats.encode("mp4", "libx264"), "video/mp4"),
    "h264 with b-frames": (lambda: formats.encode("mp4", "libx264", b_frames=3), "video/mp4"),
    "h264 in open groups": (lambda: formats.encode("mp4", "libx264", b_frames=3, open_groups=True), "video/mp4"),
    "h264 in mkv": (lambda: formats.encode("matroska", "libx264", b_frames=2), "video/mp4"),
    "h264 in a transport stream": (
        lambda: formats.remux(formats.encode("mp4", "libx264", b_frames=2), "mpegts", shift=Fraction(10)),
        "video/mp4",
    ),
    "h264 in avi": (lambda: formats.encode("avi", "libx264", b_frames=3), "video/mp4"),
    "elementary h264": (lambda: formats.encode("h264", "libx264", b_frames=2), "video/mp4"),
    "uneven times": (lambda: formats.encode("mp4", "libx264", times=UNEVEN, b_frames=2, every=4), "video/mp4"),
    "hevc": (lambda: formats.encode("mp4", "libx265", b_frames=2), "video/mp4"),
    "hevc in open groups": (lambda: formats.encode("mp4", "libx265", b_frames=2, open_groups=True), "video/mp4"),
    "vp8": (lambda: formats.encode("webm", "libvpx"), "video/webm"),
    "vp9": (lambda: formats.encode("webm", "libvpx-vp9"), "video/webm"),
    "vp9 in mp4": (lambda: formats.encode("mp4", "libvpx-vp9"), "video/mp4"),
    "av1": (lambda: formats.encode("mp4", "libsvtav1", size=(64, 64)), "video/mp4"),
    "mpeg4 in avi": (lambda: formats.encode("avi", "mpeg4", b_frames=2), "video/mp4"),
    "mpeg2": (lambda: formats.encode("mpeg", "mpeg2video", b_frames=2), "video/x-matroska"),
    "mjpeg": (lambda: formats.encode("avi", "mjpeg"), "video/x-matroska"),
}


def clip(content: bytes, begin: Fraction, end: Fraction, *, exact: bool = False) -> Made:
    """Of the part between two times in seconds, made in this process: starting one takes longer than a clip."""
    part = Part(ceil(begin * 1000), ceil(end * 1000), exact)
    with tempfile.NamedTemporaryFile() as file, open(file.name, "rb", buffering=0) as again:
        target = Target(cast(BinaryIO, file.file), cast(BinaryIO, again))
        report = (encode if exact else cut)(target, io.BytesIO(content), *probed(content), part, lambda _: None)
        file.flush()
        return Made(Path(file.name).read_bytes(), report)


def shown(made: Made) -> list[tuple[Fraction, bytes]]:
    """(seconds, pixels) of all frames of a clip."""
    with av.open(io.BytesIO(made.content), "r") as container:
        found: list[Any] = list(container.decode(video=0))
    return [(frame.pts * frame.time_base, planes(frame)) for frame in found]


@pytest.mark.parametrize("name", FILES)
def test_cut_has_the_frames_of_the_source_at_their_times(name: str) -> None:
    """From the keyframe before the part to its end, and not much further."""
    make, content_type = FILES[name]
    file = make()
    _, index = probed(file.content)
    order, times = frame_order(index), times_of(index)
    frames = [pixels for _, pixels in file.shown(index.clock)]
    for first, stop in ((len(times) // 2, len(times) // 2 + 5), (0, 3), (len(times) - 2, len(times))):
        end = times[stop] if stop < len(times) else times[-1] + 1
        made = clip(file.content, times[first], end)
        key = max(rank for rank, _ in keyframe_ranks(index, order) if rank <= first)
        found = shown(made)
        assert len(found) >= stop - key
        assert len(found) <= stop - key + 4
        assert made.report.content_type == content_type
        assert found[0][0] == 0
        for at, (time, pixels) in enumerate(found):
            assert pixels == frames[key + at]
            assert abs(time - (times[key + at] - times[key])) <= Fraction(1, 1000)


@pytest.mark.parametrize("name", ["h264 in open groups", "hevc", "vp9", "uneven times", "mpeg4 in avi", "h264 in avi"])
def test_exact_clip_has_the_very_frames(name: str) -> None:
    file = FILES[name][0]()
    _, index = probed(file.content)
    times = times_of(index)
    first, stop = len(times) // 2, len(times) // 2 + 5
    made = clip(file.content, times[first], times[stop], exact=True)
    assert [time for time, _ in made.frames] == [time - times[first] for time in times[first:stop]]
    sources = upright(file, 0, made.frames[0][1].shape[1::-1])
    for (_, image), source in zip(made.frames, sources[-len(times) :][first:stop], strict=True):
        assert far(image, source) < 12


@pytest.mark.parametrize(
    ("container", "pictures", "sound"),
    [
        ("mp4", "libx264", "aac"),
        ("mpegts", "libx264", "aac"),
        ("matroska", "libx264", "mp2"),
        ("webm", "libvpx-vp9", "libopus"),
        ("mov", "libx264", "pcm_s16le"),
    ],
)
def test_a_cut_keeps_its_sound_in_time(container: str, pictures: str, sound: str) -> None:
    b_frames = 2 if pictures == "libx264" else 0
    file = with_sound(formats.encode("mp4", pictures, b_frames=b_frames, frames=75), container, sound)
    made = clip(file.content, Fraction(3, 2), Fraction(2))  # from the keyframe at 1.44 s on
    with av.open(io.BytesIO(made.content), "r") as opened:
        (stream,) = opened.streams.audio
        assert stream.codec_context.name == sound.removeprefix("lib")
    for at in (0.05, 0.4):
        assert abs(told_time(made.content, at) - (1.44 + at)) < 0.004


@pytest.mark.parametrize(
    ("container", "pictures", "sound", "kept"),
    [
        ("mp4", "libx264", "aac", "aac"),
        ("matroska", "libx264", "libopus", "opus"),
        ("matroska", "libx264", "mp2", "aac"),
        ("mpegts", "libx264", "ac3", "aac"),
        ("mov", "libx264", "pcm_s16le", "aac"),
    ],
)
def test_an_exact_clip_has_the_sound_of_its_pictures(container: str, pictures: str, sound: str, kept: str) -> None:
    """As it is where browsers play it, else encoded anew; of the same time, and as long as the pictures."""
    file = with_sound(formats.encode("mp4", pictures, b_frames=2, frames=75), container, sound)
    made = clip(file.content, Fraction(3, 2), Fraction(12, 5), exact=True)  # frames of 40 ms: from 1.48 s on
    with av.open(io.BytesIO(made.content), "r") as opened:
        (stream,) = opened.streams.audio
        assert stream.codec_context.name == kept
        packets: list[Any] = [packet for packet in opened.demux(stream) if packet.size and packet.pts is not None]
    heard = [packet.pts * packet.time_base for packet in packets]
    end = heard[-1] + packets[-1].duration * packets[-1].time_base
    assert len(made.frames) == 23
    assert abs(end - Fraction(92, 100)) < Fraction(1, 20)
    for at in (0.05, 0.4, 0.85):
        assert abs(told_time(made.content, at) - (1.48 + at)) < 0.004


def test_sound_of_an_exact_clip_is_encoded_by_the_bounded_process() -> None:
    file = with_sound(formats.encode("mp4", "libx264", frames=50), "matroska", "mp2")
    made = rendered(file.content, "clip", part=Part(1000, 1400, exact=True))
    assert abs(told_time(made.content, 0.2) - 1.2) < 0.004


SHOWN: dict[str, Callable[[], File]] = {
    "turned": lambda: formats.encode("mp4", "libx264", b_frames=2, clockwise=90),
    "mirrored and turned": lambda: formats.encode("mp4", "libx265", clockwise=270, mirrored=True),
    "broad pixels": lambda: formats.encode("matroska", "libx264", b_frames=2, aspect=Fraction(4, 3)),
    "broad pixels in a transport stream": lambda: formats.encode("mpegts", "libx265", aspect=Fraction(4, 3)),
    "high range": lambda: formats.encode(
        "mp4",
        "libx264",
        pixels="yuv420p10le",
        options={"color_primaries": "bt2020", "colorspace": "bt2020nc", "color_trc": "smpte2084"},
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_cut_is_shown_as_its_source(name: str) -> None:
    """With its orientation, pixel aspect and colours."""
    file = SHOWN[name]()
    made = clip(file.content, Fraction(1), Fraction(3, 2))
    assert looks(made.content) == looks(file.content)


def looks(content: bytes) -> list[Any]:
    media, _ = probed(content)
    with av.open(io.BytesIO(content), "r") as container:
        context = container.streams.video[0].codec_context
        colours = [context.colorspace, context.color_primaries, context.color_trc, context.color_range]
    return [media.rotation, media.mirrored, media.pixel_aspect, media.width, media.height, *map(int, colours)]


def test_what_cannot_be_cut_is_encoded_anew_on_request() -> None:
    content = sizes.changing("mpegts", "libx264", [(64, 48), (96, 64)])
    with pytest.raises(VideoRefused, match=r"change their size.*ask for it with exact"):
        clip(content, Fraction(0), Fraction(1))
    made = clip(content, Fraction(0), Fraction(1), exact=True)
    assert {image.shape for _, image in made.frames} == {(48, 64, 3)}
    assert len(made.frames) == 12


def test_a_clip_is_made_by_the_bounded_process() -> None:
    file = formats.encode("mp4", "libx264", b_frames=2)
    made = rendered(file.content, "clip", part=Part(1000, 1400))
    assert made.content == clip(file.content, Fraction(1), Fraction(7, 5)).content
    assert made.report.frames_done == made.report.frames_total == 12
