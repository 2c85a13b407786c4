"""The matrix: videos of every kind go through probe, plan and decoding as through a plain decode."""

import io
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any

import av
import msgspec
import numpy as np
import pytest
from av.video.frame import PictureType

from contracts.errors import VideoRefused
from contracts.wire.messages import Chunk, Clock, ProbeReport
from detector.decode.frames import ToImage, decode
from detector.view import whole
from media.orientation import orientation_of
from processor.core.chunk_messages import chunks as chunks_of
from processor.core.cutting import Cutter
from processor.probe.child import Limits, inspect
from tests.support.videos.clips import JOB, plan
from tests.support.videos.formats import EVERY, FRAMES, ODD, RATE, SIZE, File, encode, planes, remux

# On every change the size that cuts most; in the long tier all.
CHUNK_SIZES = (7, *(pytest.param(size, marks=pytest.mark.long) for size in (24, 1000)))
SAMPLINGS = (
    range(0, FRAMES, 5),
    *(pytest.param(wanted, marks=pytest.mark.long) for wanted in (range(0, FRAMES, 2), (1, 47), (40,))),
)
# Packets that a decoder takes beyond the last frame wanted, to put frames into order.
HELD_BACK = 3
SQUARE = (64, 64)  # the least for HEVC and AV1


@dataclass(frozen=True)
class Case:
    """A video, the property that it is for, and what is expected of it.

    groups: that a chunk may read beyond its range; more than one is a fall-back, see docs/detection/formats.md.
    group: packets in one, None for what the container says.
    """

    make: Callable[[], File]
    holds: Callable[[File], object]
    frames: int = FRAMES
    size: tuple[int, int] = SIZE
    rotation: int = 0
    mirrored: bool = False
    aspect: str = "1:1"
    variable: bool = False
    duration_ms: float = FRAMES * 40.0
    clock: Clock = "pts"
    groups: int = 1
    group: int | None = None


CASES: dict[str, Case] = {}
_EXPECTED = {"frames", "variable", "duration_ms", "clock", "groups", "group"}


def case(name: str, codec: str, containers: str, holds: Callable[[File], object], **options: Any) -> None:
    """One case per container. Options of Case go there, the others to `encode`."""
    expected = {key: options.pop(key) for key in list(options) if key in _EXPECTED}
    for container in containers.split():
        made = {"codec": codec, **options}
        if expected.get("frames", 1) > 1:
            made["frames"] = expected["frames"]
        size = {"size": options["size"]} if "size" in options else {}
        add(f"{name}, {container}", partial(encode, container, **made), holds, **{**size, **expected})


def add(name: str, make: Callable[[], File], holds: Callable[[File], object], **expected: Any) -> None:
    assert name not in CASES
    CASES[name] = Case(make, holds, **expected)


def every_twelfth(file: File) -> bool:
    return file.keyframes == list(range(0, FRAMES, EVERY))


def every_frame(file: File) -> bool:
    return file.keyframes == list(range(FRAMES))


def b_frames(file: File) -> bool:
    return every_twelfth(file) and file.reordered


def closed(file: File) -> bool:
    return b_frames(file) and not file.leading


def open_groups(file: File) -> bool:
    return len(file.keyframes) == FRAMES // EVERY and file.reordered and file.leading


def b_frames_untold(file: File) -> bool:
    """AVI does not tell: the pictures do."""
    return len(file.keyframes) == FRAMES // EVERY and any(frame.pict_type == PictureType.B for frame in file.frames)


# Codecs and containers.
case("h264, closed groups", "libx264", "mp4 mov matroska mpegts flv", closed, b_frames=2)
case("h264, open groups", "libx264", "mp4 mov matroska mpegts", open_groups, b_frames=2, open_groups=True)
case("h264, closed groups", "libx264", "avi", b_frames_untold, b_frames=2, clock="dts", groups=2)
case("h264, open groups", "libx264", "avi", b_frames_untold, b_frames=2, open_groups=True, clock="dts", groups=2)
case("h264, no B-frames", "libx264", "avi", every_twelfth)
case("hevc, closed groups", "libx265", "mp4 mov matroska mpegts", closed, b_frames=2, size=SQUARE)
case("hevc, open groups", "libx265", "mp4 mov matroska mpegts", open_groups, b_frames=2, open_groups=True, size=SQUARE)
case("vp8", "libvpx", "webm matroska avi", every_twelfth)
case("vp9", "libvpx-vp9", "webm matroska mp4", every_twelfth)
case("av1", "libsvtav1", "webm matroska mp4", every_twelfth, size=SQUARE)
case("mpeg4", "mpeg4", "mp4 mov matroska avi mpegts", every_twelfth)
case("mpeg4, B-frames", "mpeg4", "mp4 mov matroska mpegts", b_frames, b_frames=2)
case("mpeg4, B-frames", "mpeg4", "avi", b_frames_untold, b_frames=2, clock="dts", groups=2)
case("mjpeg", "mjpeg", "mp4 mov matroska avi", every_frame)
case("prores", "prores_ks", "mov matroska", every_frame)
case("mpeg2, B-frames", "mpeg2video", "mpegts", b_frames, b_frames=2)
# Sought by its large packets only.
case("wmv2", "wmv2", "asf", every_twelfth, groups=4)
# Several frames in a block of which only the first has a time: most seeks cannot be trusted.
case("mpeg2, B-frames", "mpeg2video", "vob", b_frames, b_frames=2, bit_rate=0, groups=7)

# Keyframes.
case(
    "intra-refresh",
    "libx264",
    "mp4 matroska mpegts avi",
    lambda file: len(file.keyframes) > 1 and [f.pict_type for f in file.frames].count(PictureType.I) == 1,
    parameters=["intra-refresh=1"],
)
# A large picture needs several keyframes to become whole: what was read in vain counts as well.
case(
    "intra-refresh, B-frames",
    "libx264",
    "mp4 matroska mpegts",
    lambda file: len(file.keyframes) > 9 and [f.pict_type for f in file.frames].count(PictureType.I) == 1,
    parameters=["intra-refresh=1"],
    frames=144,
    duration_ms=144 * 40.0,
    b_frames=2,
    size=(320, 96),
    groups=8,
)
for _codec, _containers in (("libx264", "mp4 matroska mpegts"), ("libx265", "mp4"), ("mpeg4", "mp4")):
    case(
        f"one keyframe, {_codec}",
        _codec,
        _containers,
        lambda file: file.keyframes == [0] and file.reordered,
        every=1000,
        b_frames=2,
        size=SQUARE,
    )
case("one keyframe, libx264", "libx264", "avi", lambda file: file.keyframes == [0], every=1000, b_frames=2, clock="dts")
# Elementary streams: see also test_elementary_streams.
_RAW: dict[str, Any] = {"clock": "dts", "b_frames": 2}
case("raw h264, closed groups", "libx264", "h264", b_frames_untold, **_RAW)
case("raw h264, open groups", "libx264", "h264", b_frames_untold, open_groups=True, groups=2, **_RAW)
case("raw hevc, closed groups", "libx265", "hevc", b_frames_untold, size=SQUARE, **_RAW)
case("raw hevc, open groups", "libx265", "hevc", b_frames_untold, size=SQUARE, open_groups=True, groups=2, **_RAW)


def beheaded(container: str, codec: str, **options: Any) -> File:
    """Without its first five packets, and so without what the next seven refer to."""
    origin = container if container in ("avi", "mpegts") else "matroska"
    return remux(encode(origin, codec, **options), container, drop=lambda number: number < 5)


_BEHEADED: list[tuple[str, str, dict[str, Any]]] = [
    ("mp4", "libx264", {"b_frames": 2}),
    ("matroska", "libx264", {"b_frames": 2, "open_groups": True}),
    ("mpegts", "libx264", {"b_frames": 2, "open_groups": True}),
    ("avi", "libx264", {}),
    ("matroska", "libx265", {"b_frames": 2, "open_groups": True}),
    ("webm", "libvpx", {}),
    ("webm", "libvpx-vp9", {}),
    ("mp4", "mpeg4", {}),
]
for _container, _codec, _options in _BEHEADED:
    add(
        f"no keyframe at the start, {_codec}, {_container}",
        partial(beheaded, _container, _codec, size=SQUARE, **_options),
        lambda file: file.keyframes[0] > 0,
        size=SQUARE,
        frames=36,
        duration_ms=36 * 40.0,
    )


def hidden(number: int, content: bytes) -> bytes:
    """A VP8 frame without the bit that shows it, as the references are that encoders make up."""
    return bytes([content[0] & ~0x10]) + content[1:] if number in (5, 17, 30) else content


add(
    "references that are never shown, vp8, webm",
    lambda: remux(encode("webm", "libvpx"), "webm", change=hidden),
    lambda file: (len(file.packets), len(file.frames)) == (48, 45),
    frames=45,
    variable=True,
)

_PICTURE, _GROUP = b"\0\0\1\xb6", b"\0\0\1\xb3"
_NOTHING_NEW = _PICTURE + b"\x50\1\3"  # a picture without content


def packed() -> File:
    """As old encoders wrote B-frames into AVI: each in one packet with the frame that it refers to, which is shown
    after it, and in its own packet a picture without content."""
    plain = encode("avi", "mpeg4", b_frames=1)
    with av.open(plain.source(), "r") as container:
        contents = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    is_b = [content[content.rfind(_PICTURE) + 4] >> 6 == 2 for content in contents]
    told = b"\0\0\1\xb2DivX503b1393p"  # the p says so
    made: list[bytes] = []
    for content, own, following in zip(contents, is_b, [*is_b[1:], False], strict=True):
        whole = content.replace(_GROUP, told + _GROUP, 1)
        made.append(_NOTHING_NEW if own else whole + contents[len(made) + 1] if following else whole)
    return remux(plain, "avi", change=lambda number, _: made[number])


add(
    "packed B-frames, mpeg4, avi",
    packed,
    lambda file: b_frames_untold(file) and file.content.count(_NOTHING_NEW) > 20,
    clock="dts",
    groups=2,
)

# Times.
UNEVEN = [number // 5 * 12 + (0, 1, 4, 6, 7)[number % 5] for number in range(FRAMES)]
HOLE = [number if number < 20 else number + 250 for number in range(FRAMES)]
LATE = range(100, 100 + FRAMES)


def gaps(file: File) -> set[int]:
    times = sorted(packet.pts for packet in file.packets if packet.pts is not None)
    return {later - earlier for earlier, later in pairwise(times)}


_TIMED: dict[str, Any] = {"codec": "libx264", "b_frames": 2}
for _container in ("mp4", "mov", "matroska", "mpegts", "flv"):
    _make = _TIMED | {"containers": _container}
    case("variable rate", **_make, holds=lambda f: len(gaps(f)) > 3, times=UNEVEN, variable=True, duration_ms=4560.0)
    case(
        "hole", **_make, holds=lambda f: max(gaps(f)) > 200 * min(gaps(f)), times=HOLE, variable=True, duration_ms=11920
    )
    case("late start", **_make, holds=lambda f: min(f.frames, key=lambda x: x.time).time > 3.9, times=LATE)


def trimmed(container: str, cut_off: int, codec: str = "libx264", **options: Any) -> File:
    """An edit list leaves out so many frames, which are stored all the same."""
    whole = encode("matroska", codec, size=SQUARE, **options)
    return remux(whole, container, shift=Fraction(-cut_off, 25), muxing={"avoid_negative_ts": "disabled"})


_TRIMMED: list[tuple[str, int, dict[str, Any]]] = [
    ("within the first group", 10, {"b_frames": 2}),
    ("within the second group", 15, {"b_frames": 2}),
    ("of more than half of the only group", 30, {"b_frames": 2, "every": 1000}),
    ("hevc", 15, {"codec": "libx265", "b_frames": 2}),
    ("vp9", 15, {"codec": "libvpx-vp9"}),
    ("mpeg4", 15, {"codec": "mpeg4"}),
]
for _name, _off, _options in _TRIMMED:
    for _container in ("mp4", "mov") if "codec" not in _options else ("mp4",):
        add(
            f"edit list, {_name}, {_container}",
            partial(trimmed, _container, _off, **_options),
            lambda file: file.packets[0].discard and file.packets[0].key,
            frames=FRAMES - _off,
            size=SQUARE,
            duration_ms=(FRAMES - _off) * 40.0,
        )


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """The boxes of an mp4, or of the content of one: kind, and content."""
    found, start = [], 0
    while start < len(data):
        size = int.from_bytes(data[start : start + 4], "big")
        found.append((data[start + 4 : start + 8], data[start + 8 : start + size]))
        start += size
    return found


def boxed(parts: Sequence[tuple[bytes, bytes]]) -> bytes:
    return b"".join(struct.pack(">I4s", 8 + len(content), kind) + content for kind, content in parts)


def edited(*parts: tuple[int, int]) -> File:
    """An edit list shows these parts alone: the first frame of each, and the one after it."""
    whole = encode("mp4", "libx264", size=SQUARE, b_frames=2)
    with av.open(whole.source(), "r") as container:
        frame = Fraction(1, RATE) / (container.streams.video[0].time_base or 1)
    late = -min(packet.dts or 0 for packet in whole.packets)
    top = boxes(whole.content)
    assert top[-1][0] == b"moov", "where something behind it would have another place then"
    movie = boxes(top[-1][1])
    second = int.from_bytes(next(content for kind, content in movie if kind == b"mvhd")[12:16], "big")
    edits = [((stop - start) * second // RATE, int(late + start * frame)) for start, stop in parts]
    listed = struct.pack(">II", 0, len(edits)) + b"".join(struct.pack(">IiI", *edit, 1 << 16) for edit in edits)
    track = [(kind, content) for kind, content in boxes(dict(movie)[b"trak"]) if kind != b"edts"]
    track.insert(1, (b"edts", boxed([(b"elst", listed)])))
    movie = [(kind, boxed(track) if kind == b"trak" else content) for kind, content in movie]
    return File(boxed([*top[:-1], (b"moov", boxed(movie))]))


for _name, _parts in (("in order", ((0, 20), (28, 48))), ("the later one first", ((28, 48), (0, 20)))):
    add(
        f"edit list of two parts, {_name}, mp4",
        partial(edited, *_parts),
        lambda file: (
            len({packet.discard for packet in file.packets[12:]}) == 2 and len(file.packets) > len(file.frames)
        ),
        frames=40,
        size=SQUARE,
        duration_ms=40 * 40.0,
        groups=2,
    )

add(
    "times that wrap, mpegts",
    lambda: remux(
        encode("matroska", "libx264", b_frames=2),
        "mpegts",
        shift=Fraction(2**33, 90000) - 1,
        muxing={"avoid_negative_ts": "disabled", "mpegts_copyts": "1"},
    ),
    lambda file: max(f.pts or 0 for f in file.frames) >= 2**33 or min(f.pts or 0 for f in file.frames) < 0,
)

# Containers without an index, as browsers and cameras write them.
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof+skip_trailer"}
case(
    "fragments",
    "libx264",
    "mp4",
    lambda f: b"moof" in f.content and b"mfra" not in f.content,
    b_frames=2,
    muxing=_FRAGMENTS,
)
case("live", "libx264", "matroska", lambda f: b"\x1c\x53\xbb\x6b" not in f.content, b_frames=2, muxing={"live": "1"})
case("live", "libvpx", "webm", lambda f: b"\x1c\x53\xbb\x6b" not in f.content, muxing={"live": "1"})


# Pictures.
def is_turned(degrees: int, file: File) -> bool:
    return all(-frame.rotation % 360 == degrees for frame in file.frames)


def has_matrix(matrix: list[int], file: File) -> bool:
    """Whether the frames have a display matrix whose turning part is this one, in ones."""
    listed: list[Any] = [frame.side_data for frame in file.frames]
    found = [np.frombuffer(item["DISPLAYMATRIX"], np.int32)[[0, 1, 3, 4]] // 65536 for item in listed]
    return all(item.tolist() == matrix for item in found)


for _turn in (90, 180, 270):
    _shown = SIZE if _turn == 180 else SIZE[::-1]
    for _container in ("mp4", "mov", "matroska"):
        add(
            f"turned by {_turn}, {_container}",
            partial(encode, _container, "libx264", clockwise=_turn, b_frames=2),
            partial(is_turned, _turn),
            rotation=_turn,
            size=_shown,
        )
for _container in ("mp4", "mov", "matroska"):
    for _turn, _matrix in ((0, [-1, 0, 0, 1]), (270, [0, 1, 1, 0])):
        add(
            f"mirrored and turned by {_turn}, {_container}",
            partial(encode, _container, "libx264", clockwise=_turn, mirrored=True, frames=24),
            partial(has_matrix, _matrix),
            rotation=_turn,
            mirrored=True,
            size=SIZE if _turn == 0 else SIZE[::-1],
            frames=24,
            duration_ms=960.0,
        )
_INTERLACED: list[tuple[str, str, dict[str, Any]]] = [
    ("mpegts", "libx264", {"parameters": ["tff=1"]}),
    ("mp4", "libx264", {"parameters": ["tff=1"]}),
    ("mpegts", "mpeg2video", {}),
]
for _container, _codec, _more in _INTERLACED:
    case(
        f"interlaced, {_codec}",
        _codec,
        _container,
        lambda file: all(frame.interlaced_frame for frame in file.frames),
        b_frames=2,
        options={"flags": "+ildct+ilme"},
        **_more,
    )
for _codec, _containers in (("libx264", "mp4 matroska"), ("libx265", "mp4 matroska mpegts"), ("libsvtav1", "mp4 webm")):
    case(
        f"10 bits, {_codec}",
        _codec,
        _containers,
        lambda file: all(frame.format.components[0].bits == 10 for frame in file.frames),
        pixels="yuv420p10le",
        size=SQUARE,
    )
for _codec, _container, _pixels in (
    ("libx264", "mp4", "yuv444p"),
    ("libx265", "mp4", "yuv444p"),
    ("libvpx", "webm", None),
    ("libvpx-vp9", "webm", None),
    ("libsvtav1", "mp4", None),
    ("mpeg4", "avi", None),
    ("mjpeg", "avi", None),
    ("prores_ks", "mov", None),
):
    case(
        f"odd size, {_codec}",
        _codec,
        _container,
        lambda file: all((frame.width, frame.height) == ODD for frame in file.frames),
        size=ODD,
        pixels=_pixels,
    )
for _container in ("mp4", "mov", "matroska", "avi", "mpegts"):
    add(
        f"pixels that are no squares, {_container}",
        partial(encode, _container, "libx264", aspect=Fraction(4, 3)),
        lambda file: file.aspect == Fraction(4, 3),
        aspect="4:3",
    )

# Images: videos of one frame; animated ones are videos.
for _codec, _pixels in (("mjpeg", None), ("png", None), ("libwebp", "yuv420p"), ("libwebp", "yuva420p")):
    case(
        f"image, {_codec} {_pixels}",
        _codec,
        "image2pipe",
        lambda file: len(file.packets) == len(file.frames) == 1,
        frames=1,
        pixels=_pixels,
        times=[0],
        duration_ms=0.0,
    )
case("image", "gif", "gif", lambda file: len(file.frames) == 1, frames=1, times=[0], duration_ms=0.0)
case("animated", "gif", "gif", lambda file: len(file.frames) == FRAMES)
# Its container calls each picture a keyframe, but they are only what has changed.
case("animated", "apng", "apng", every_frame, group=FRAMES)


@pytest.fixture(scope="module", params=CASES)
def checked(request: pytest.FixtureRequest) -> tuple[Case, File, ProbeReport]:
    case = CASES[request.param]
    file = case.make()
    return case, file, probed(file)


def probed(file: File) -> ProbeReport:
    return inspect(file.source(), Limits(max_frame_pixels=10**8, max_frames=10**6, max_pixels=10**14))


def chunks(report: ProbeReport, size: int, numbers: Sequence[int] | None = None) -> tuple[Chunk, ...]:
    """As the processor makes them. numbers: of the frames that are wanted, None for all."""
    media, index = report.media, report.index
    assert media is not None
    assert index is not None
    cutter = Cutter(index)
    spans = cutter.cut(size) if numbers is None else cutter.pick(cutter.cut(size), numbers)
    return chunks_of(spans, media, index, plan(), JOB, "x")


def test_the_file_has_the_property_that_it_is_for(checked: tuple[Case, File, ProbeReport]) -> None:
    case, file, _ = checked
    assert case.holds(file)
    contents = [content for _, content in file.shown(case.clock)]
    assert len(contents) == case.frames
    assert len(set(contents)) == len(contents), "frames look alike: the file proves nothing"


def test_the_facts_are_those_of_a_plain_decode(checked: tuple[Case, File, ProbeReport]) -> None:
    case, file, report = checked
    media, index = report.media, report.index
    assert media is not None
    assert index is not None
    assert index.clock == case.clock
    assert media.frames == len(file.shown(case.clock))
    assert (media.width, media.height, media.rotation) == (*case.size, case.rotation)
    assert media.mirrored is (case.mirrored or msgspec.UNSET)
    assert media.pixel_aspect == case.aspect
    assert media.variable_fps == case.variable
    assert media.duration_ms == pytest.approx(case.duration_ms, abs=2)
    assert media.damage is None


@pytest.mark.parametrize("size", CHUNK_SIZES)
def test_the_chunks_together_are_the_plain_decode(checked: tuple[Case, File, ProbeReport], size: int) -> None:
    case, file, report = checked
    expected = file.shown(case.clock)
    planned = chunks(report, size)
    assert len(planned) > 1 or case.frames < size * 3  # a group is cut at a third of its length
    assert [n for chunk in planned for n in range(chunk.first_frame, chunk.first_frame + len(chunk.times))] == list(
        range(len(expected))
    )
    assert [time for chunk in planned for time in chunk.times] == [time for time, _ in expected]
    assert sorted(expected) == expected
    group = case.group or max(later - earlier for earlier, later in pairwise([*file.keyframes, len(file.packets)]))
    found = []
    for chunk in planned:
        packets = 0

        def count() -> None:
            nonlocal packets
            packets += 1

        found += [(chunk.times[place], planes(frame)) for place, frame in decode(file.source(), chunk, count)]
        assert packets <= len(chunk.times) + case.groups * group + HELD_BACK
    assert [time for time, _ in found] == [time for time, _ in expected]
    assert found == expected


@pytest.mark.parametrize("wanted", SAMPLINGS, ids=str)
def test_sampled_frames_are_those_of_the_plain_decode(
    checked: tuple[Case, File, ProbeReport], wanted: Sequence[int]
) -> None:
    """Whatever is left out on the way to them."""
    case, file, report = checked
    numbers = [number for number in wanted if number < case.frames]
    expected = [file.shown(case.clock)[number] for number in numbers]
    for size in (24, 1000):
        found = []
        for chunk in chunks(report, size, numbers):
            found += [(chunk.times[place], planes(frame)) for place, frame in decode(file.source(), chunk)]
        assert [time for time, _ in found] == [time for time, _ in expected]
        assert found == expected


def test_what_a_model_sees_has_its_size(checked: tuple[Case, File, ProbeReport]) -> None:
    _, file, report = checked
    chunk = chunks(report, 1000)[0]
    _, frame = next(decode(file.source(), chunk))
    assert ToImage(orientation_of(chunk), whole((40, 56)), "BGR")(frame).shape == (56, 40, 3)


# What is cut short or damaged.
BROKEN: dict[str, dict[str, Any]] = {
    "h264, matroska": {"container": "matroska", "codec": "libx264", "b_frames": 2},
    "h264, mpegts": {"container": "mpegts", "codec": "libx264", "b_frames": 2},
    "h264, avi": {"container": "avi", "codec": "libx264", "b_frames": 2},
    "h264, fragments": {"container": "mp4", "codec": "libx264", "b_frames": 2, "muxing": _FRAGMENTS},
    "hevc, matroska": {"container": "matroska", "codec": "libx265", "b_frames": 2},
    "vp8, webm": {"container": "webm", "codec": "libvpx"},
    "vp9, webm": {"container": "webm", "codec": "libvpx-vp9"},
    "av1, matroska": {"container": "matroska", "codec": "libsvtav1"},
    "mpeg4, avi": {"container": "avi", "codec": "mpeg4"},
    "mjpeg, avi": {"container": "avi", "codec": "mjpeg"},
}
INDEXED: dict[str, dict[str, Any]] = {
    "h264, mp4": {"container": "mp4", "codec": "libx264", "b_frames": 2},
    "prores, mov": {"container": "mov", "codec": "prores_ks"},
}


def delivered(file: File, broken: bytes, size: int) -> tuple[list[int], dict[int, bytes]]:
    """Times asked for, and what came."""
    planned = chunks(probed(File(broken)), size)
    found = [
        (chunk.times[place], planes(frame)) for chunk in planned for place, frame in decode(io.BytesIO(broken), chunk)
    ]
    asked = [time for chunk in planned for time in chunk.times]
    assert [time for time, _ in found] == sorted({time for time, _ in found} & set(asked))
    return asked, dict(found)


@pytest.mark.parametrize("size", CHUNK_SIZES)
@pytest.mark.parametrize("name", BROKEN)
def test_of_a_file_that_is_cut_short_the_beginning_comes(name: str, size: int) -> None:
    file = encode(**BROKEN[name], size=SQUARE)
    whole = file.shown("dts" if name == "h264, avi" else "pts")
    asked, found = delivered(file, file.content[: len(file.content) * 6 // 10], size)
    assert 20 < len(asked) < 40
    assert len(asked) - len(found) <= 2
    complete = len(found) - 1  # the last one may be cut in two
    assert list(found.items())[:complete] == whole[:complete]


@pytest.mark.parametrize("size", CHUNK_SIZES)
@pytest.mark.parametrize("name", BROKEN | INDEXED)
def test_of_a_damaged_file_the_rest_comes(name: str, size: int) -> None:
    file = encode(**(BROKEN | INDEXED)[name], size=SQUARE)
    whole = file.shown("dts" if name == "h264, avi" else "pts")
    broken = bytearray(file.content)
    middle = len(broken) // 2
    broken[middle : middle + 400] = bytes((number * 37 + 11) % 256 for number in range(400))
    asked, found = delivered(file, bytes(broken), size)
    assert len(asked) >= FRAMES - EVERY
    assert len(asked) - len(found) <= EVERY
    assert list(found.items()) != whole, "nothing is damaged: the file proves nothing"
    # The groups before and after the damage. In an AVI a lost packet moves the times behind it.
    assert list(found.items())[:EVERY] == whole[:EVERY]
    assert list(found.values())[-EVERY:] == [content for _, content in whole[-EVERY:]]


@pytest.mark.parametrize("name", INDEXED)
def test_without_the_index_at_its_end_a_file_is_refused_with_the_reason(name: str) -> None:
    content = encode(**INDEXED[name]).content
    with pytest.raises(VideoRefused, match="its index cannot be read"):
        probed(File(content[: len(content) * 6 // 10]))


# Images that cameras and programs write.
def turned(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG with an EXIF orientation."""
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHHI", 0x112, 3, 1, orientation, 0, 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def seen(content: bytes) -> Any:
    """The only frame of an image, as shown."""
    report = probed(File(content))
    assert report.media is not None
    assert (report.media.frames, report.media.duration_ms) == (1, 0.0)
    [chunk] = chunks(report, 240)
    [(time, frame)] = decode(io.BytesIO(content), chunk)
    assert time == 0
    return ToImage(orientation_of(chunk), whole((chunk.width, chunk.height)), "RGB")(frame)


@pytest.mark.parametrize(
    ("orientation", "turns", "mirrored"),
    [(1, 0, 0), (6, 1, 0), (3, 2, 0), (8, 3, 0), (2, 0, 1), (7, 1, 1), (4, 2, 1), (5, 3, 1)],
)
def test_a_photograph_is_upright(orientation: int, turns: int, mirrored: int) -> None:
    jpeg = encode("image2pipe", "mjpeg", times=[0]).content
    plain = seen(jpeg)
    expected = np.rot90(plain[:, ::-1] if mirrored else plain, -turns)
    assert np.array_equal(seen(turned(jpeg, orientation)), expected)


def test_of_a_photograph_with_something_behind_it_the_first_picture_counts() -> None:
    first = encode("image2pipe", "mjpeg", times=[0]).content
    preview = encode("image2pipe", "mjpeg", times=[0], size=(32, 32)).content
    film = encode("mp4", "libx264").content
    for behind in (preview, film):
        assert np.array_equal(seen(first + behind), seen(first))


def test_an_animated_webp_is_refused_with_the_reason() -> None:
    with pytest.raises(VideoRefused, match="animated WebP"):
        probed(encode("webp", "libwebp_anim"))


def test_a_codec_goes_by_its_own_name_not_by_its_decoder() -> None:
    media = probed(encode("mp4", "libsvtav1", size=SQUARE)).media
    assert media is not None
    assert media.codec == "av1"


def test_a_video_without_a_keyframe_is_refused_at_the_door() -> None:
    file = remux(encode("matroska", "mpeg4", every=1000), "matroska", drop=lambda number: number == 0)
    assert not file.keyframes
    with pytest.raises(VideoRefused, match="no keyframe"):
        probed(file)


def test_lists_of_files_stay_shut() -> None:
    for content in (b"ffconcat version 1.0\nfile /etc/hostname\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>"):
        with pytest.raises(VideoRefused):
            probed(File(content))
