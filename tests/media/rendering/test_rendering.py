"""Renditions made by the bounded process: decoded again, they are what the sources are."""

import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, cast

import av
import msgspec
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from PIL import Image

from contracts.errors import StorageUnavailable, VideoRefused
from contracts.models.catalogue import bundled
from contracts.results import result_file
from contracts.results.codec import Detections, compress, pack
from contracts.storage.range_reader import RangeReader
from contracts.wire.messages import SCHEMA, Media, Options, PacketIndex, Plan, ProbeReport, ResultHeader, encode
from contracts.wire.renditions import Kind, RenditionOptions
from media.child_output import ChildKilled
from processor.core.frame_order import frame_order
from processor.core.sampling import wanted
from processor.probe.child import Limits, inspect
from processor.renditions.ask import Sources, Unwanted, cpu_seconds, make
from processor.renditions.drawing import colour_of
from processor.renditions.protocol import Report, Request
from tests.support.deployments.service import ROOT
from tests.support.fakes import MemoryStorage
from tests.support.processes import still_there
from tests.support.videos import formats, high_range

SOURCES = Sources("videos/x/content", "videos/x/index")
ANNOTATED = Sources("videos/x/content", "videos/x/index", "videos/x/jobs/y/result")
LABELS = bundled("nanodet-g").labels
UNEVEN = [0, 1, 2, 10, 11, 30, 31, 32, 50, 75, 76]
Image8 = NDArray[np.uint8]


class Made:
    """A rendition, decoded."""

    def __init__(self, content: bytes, report: Report) -> None:
        self.content, self.report = content, report

    @property
    def frames(self) -> list[tuple[Fraction, Image8]]:
        """(seconds, pixels in RGB) of all frames, in the order of the file."""
        with av.open(io.BytesIO(self.content), "r") as container:
            found: Any = list(container.decode(video=0))
        return [(frame.pts * frame.time_base, frame.to_ndarray(format="rgb24")) for frame in found]


def probed(content: bytes) -> tuple[Media, PacketIndex]:
    report: ProbeReport = inspect(io.BytesIO(content), Limits(10**9, 10**9, 10**15))
    assert report.media is not None
    assert report.index is not None
    return report.media, report.index


def rendered(
    content: bytes, kind: Kind, results: bytes | None = None, storage: MemoryStorage | None = None, **options: object
) -> Made:
    media, index = probed(content)
    storage = storage or MemoryStorage()
    storage.objects.update({SOURCES.video: content, SOURCES.index: compress(encode(index))})
    if results is not None:
        storage.objects[str(ANNOTATED.results)] = results
    with tempfile.TemporaryFile() as target:
        chosen = RenditionOptions(**options)  # type: ignore[arg-type]
        report = make(storage, ANNOTATED if results else SOURCES, target, kind, media, chosen, lambda _: True)
        return Made(os.pread(target.fileno(), 10**8, 0), report)


def times_of(index: PacketIndex) -> list[Fraction]:
    return [time * Fraction(*index.time_base) for time in frame_order(index).times]


def upright(file: formats.File, rotation: int, size: tuple[int, int], mirrored: bool = False) -> list[Image8]:
    """The frames of a file as a player shows them, scaled to a size (width, height) by another library."""
    images = [frame.to_ndarray(format="rgb24")[:, :: -1 if mirrored else 1] for frame in file.frames]
    images = [np.rot90(image, -rotation // 90) for image in images]
    return [np.asarray(Image.fromarray(image).resize(size)) for image in images]


def far(one: Image8, other: Image8) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


FILES: dict[str, Callable[[], formats.File]] = {
    "hevc": lambda: formats.encode("mp4", "libx265", b_frames=2),
    "mpeg4 in avi": lambda: formats.encode("avi", "mpeg4"),
    "mpeg4 with b-frames in avi": lambda: formats.encode("avi", "mpeg4", b_frames=2),
    "h264 with b-frames in avi": lambda: formats.encode("avi", "libx264", b_frames=3),
    "vp9 of odd size in mkv": lambda: formats.encode("matroska", "libvpx-vp9", size=formats.ODD),
    "variable rate in mkv": lambda: formats.encode("matroska", "libx264", frames=11, times=UNEVEN),
    "variable rate with b-frames in mp4": lambda: formats.encode("mp4", "libx264", times=UNEVEN, b_frames=2),
    "transport stream from 10 s on": lambda: formats.remux(
        formats.encode("mp4", "libx264", b_frames=2), "mpegts", shift=Fraction(10)
    ),
    "full range mjpeg": lambda: formats.encode("avi", "mjpeg"),
    "gif": lambda: formats.encode("gif", "gif"),
    "turned by 90": lambda: formats.encode("mp4", "libx264", clockwise=90),
    "turned by 180": lambda: formats.encode("mp4", "libx264", clockwise=180),
    "turned by 270": lambda: formats.encode("mp4", "libx264", clockwise=270),
    "mirrored": lambda: formats.encode("mp4", "libx264", mirrored=True),
    "mirrored and turned by 90": lambda: formats.encode("mp4", "libx264", clockwise=90, mirrored=True),
}


@pytest.mark.parametrize("name", FILES)
def test_a_playable_copy_has_every_frame_at_its_time_and_upright(name: str) -> None:
    file = FILES[name]()
    media, index = probed(file.content)
    copy = rendered(file.content, "playable")
    assert copy.report == Report(media.frames, media.frames, content_type="video/mp4")
    assert [time for time, _ in copy.frames] == times_of(index)
    size = (media.width // 2 * 2, media.height // 2 * 2)
    sources = upright(file, media.rotation, size, media.mirrored is True)
    assert len(sources) == len(copy.frames) == media.frames
    for number, (_, image) in enumerate(copy.frames):
        assert image.shape == (size[1], size[0], 3)
        near = far(image, sources[number])
        assert near < 24
        assert np.abs(image.mean(axis=(0, 1)) - sources[number].mean(axis=(0, 1))).max() < 4.5, "other colours"
        # It is this frame, and not its neighbour.
        assert all(near < far(image, sources[other]) for other in (number - 3, number + 3) if 0 <= other < len(sources))


def test_a_playable_copy_is_what_browsers_take() -> None:
    copy = rendered(formats.encode("matroska", "libx265", size=(320, 180), b_frames=2).content, "playable")
    assert copy.content.index(b"moov") < copy.content.index(b"mdat"), "its index is not in front"
    with av.open(io.BytesIO(copy.content), "r") as container:
        assert len(container.streams) == 1
        context = container.streams.video[0].codec_context
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert (context.name, context.pix_fmt, context.color_range) == ("h264", "yuv420p", 1)
    assert all(packet.pts == packet.dts for packet in packets)


def test_a_large_frame_is_made_smaller_and_a_small_one_is_left() -> None:
    large = rendered(formats.encode("mp4", "libx264", frames=2, size=(2000, 500)).content, "playable")
    assert large.frames[0][1].shape == (320, 1280, 3)
    tall = rendered(formats.encode("mp4", "libx264", frames=2, size=(2000, 500), clockwise=90).content, "playable")
    assert tall.frames[0][1].shape == (1280, 320, 3)


def test_the_pixels_of_an_anamorphic_video_stay_as_wide() -> None:
    for clockwise, aspect in ((0, Fraction(4, 3)), (90, Fraction(3, 4))):
        file = formats.encode("mp4", "libx264", frames=2, aspect=Fraction(4, 3), clockwise=clockwise)
        assert probed(file.content)[0].pixel_aspect == f"{aspect.numerator}:{aspect.denominator}"
        with av.open(io.BytesIO(rendered(file.content, "playable").content)) as container:
            assert container.streams.video[0].sample_aspect_ratio == aspect


def test_damage_costs_the_frames_that_it_hit_alone() -> None:
    file = formats.encode("matroska", "libx264", every=12)
    broken = formats.remux(file, "matroska", change=lambda n, data: b"\0" * len(data) if n in (12, 13) else data)
    copy = rendered(broken.content, "playable")
    assert 30 < copy.report.frames_done < copy.report.frames_total == 48
    times = [time for time, _ in copy.frames]
    assert len(times) == copy.report.frames_done
    assert set(times) < set(times_of(probed(broken.content)[1]))


@pytest.mark.parametrize(("clockwise", "mirrored"), [(0, False), (90, False), (0, True)])
def test_a_poster_is_the_first_frame_upright(clockwise: int, mirrored: bool) -> None:
    file = formats.encode("mp4", "libx265", frames=3, size=(1280, 720), clockwise=clockwise, mirrored=mirrored)
    made = rendered(file.content, "poster")
    assert made.report == Report(1, 1, content_type="image/jpeg")
    poster = Image.open(io.BytesIO(made.content))
    assert (poster.format, poster.size) == ("JPEG", (360, 640) if clockwise else (640, 360))
    (first, *_) = upright(file, clockwise, poster.size, mirrored)
    assert far(np.asarray(poster), first) < 14


def result_of(
    content: bytes,
    found: Mapping[int, Sequence[tuple[int, float, tuple[float, ...]]]],
    filled: frozenset[int] = frozenset(),
    **options: object,
) -> bytes:
    """A result file with objects (class, score, box) at some frames of those that the options name."""
    media, index = probed(content)
    chosen = Options(**options)  # type: ignore[arg-type]
    header = ResultHeader(SCHEMA, media, index.time_base, Plan("m", "d", "e", "fp32", chosen), LABELS, True)
    times = frame_order(index).times
    blocks = [
        replace(pack(n, [times[n]], [detections(found.get(n, []))]), filled=np.array([n in filled]))
        for n in wanted(times, index.time_base, chosen)
    ]
    sink = io.BytesIO()
    result_file.write(sink, header, blocks)
    return sink.getvalue()


def detections(items: Sequence[tuple[int, float, tuple[float, ...]]]) -> Detections:
    return Detections(
        np.array([item[0] for item in items], np.int64),
        np.array([item[1] for item in items], np.float64),
        np.array([item[2] for item in items], np.float64).reshape(-1, 4),
    )


def grey(
    frames: int, size: tuple[int, int] = (320, 240), times: Sequence[int] | None = None, clockwise: int = 0
) -> bytes:
    """A film of plain grey, on which whatever is drawn shows."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as writer:
        stream: Any = writer.add_stream("libx264", rate=25, options={"g": "12", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if clockwise:
            stream.set_display_rotation(-clockwise)
        for time in times or range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 110, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 25)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
    return sink.getvalue()


def drawn_on(image: Image8) -> bool:
    """Whether something is drawn on the grey."""
    return bool((np.ptp(image, axis=2) > 60).any())


BOX = (40.0, 60.0, 200.0, 220.0)


# In the long tier each turned.
@pytest.mark.parametrize(
    ("place", "clockwise"),
    [(0, 0), (2, 0), (5, 0), (9, 0), (5, 90), *(pytest.param(n, 90, marks=pytest.mark.long) for n in (0, 2, 9))],
)
def test_an_object_is_drawn_where_it_is_and_in_the_colour_of_its_label(place: int, clockwise: int) -> None:
    content = grey(24, (240, 320) if clockwise else (320, 240), clockwise=clockwise)
    # Labels have colours in the order in which they appear: those that are not drawn count too.
    before = [(class_id, 0.4, BOX) for class_id in range(20, 20 + place)]
    results = result_of(content, {3: before, 7: [(1, 0.87, BOX)]} if before else {7: [(1, 0.87, BOX)]})
    copy = rendered(content, "annotated", results, min_score=0.5)
    assert copy.report.frames_done == copy.report.frames_total == len(copy.frames) == 24
    assert [drawn_on(image) for _, image in copy.frames] == [number == 7 for number in range(24)]
    image = copy.frames[7][1]
    assert image.shape == (240, 320, 3)
    edges = [image[140, 40:42], image[140, 198:200], image[218:220, 120], image[60:62, 190]]
    for edge in edges:
        assert np.abs(edge.mean(axis=0) - colour_of(place)).max() < 30, (edge, colour_of(place))
    for inside_or_out in (image[140, 60:180], image[140, 210:300], image[230:, 120]):
        assert np.abs(inside_or_out.astype(int) - 110).max() < 25


def test_the_box_of_a_filled_frame_is_dashed() -> None:
    content = grey(3)
    results = result_of(content, {1: [(0, 0.87, BOX)], 2: [(0, 0.87, BOX)]}, filled=frozenset({2}))
    copy = rendered(content, "annotated", results)
    line, dashed = (np.ptp(copy.frames[number][1][218:220, 42:198], axis=2).min(axis=0) > 110 for number in (1, 2))
    assert line.mean() > 0.9
    assert 0.3 < dashed.mean() < 0.7


def test_the_label_stands_above_the_box_and_reads_dark_on_light() -> None:
    content = grey(3)
    image = rendered(content, "annotated", result_of(content, {1: [(0, 0.87, BOX)]})).frames[1][1]
    tag = image[46:60, 40:100]
    assert np.abs(np.median(tag.reshape(-1, 3), axis=0) - colour_of(0)).max() < 30
    assert (tag.max(axis=2) < 70).sum() > 40, "no letters"


def test_what_is_not_chosen_is_not_drawn() -> None:
    content = grey(4)
    results = result_of(content, {1: [(0, 0.4, BOX)], 2: [(2, 0.9, BOX)]})
    assert [drawn_on(i) for _, i in rendered(content, "annotated", results).frames] == [False, True, True, False]
    by_score = rendered(content, "annotated", results, min_score=0.5)
    assert [drawn_on(i) for _, i in by_score.frames] == [False, False, True, False]
    by_label = rendered(content, "annotated", results, labels=(LABELS[0],))
    assert [drawn_on(i) for _, i in by_label.frames] == [False, True, False, False]


@pytest.mark.parametrize(
    ("options", "numbers"), [({"every_n": 3}, range(0, 11, 3)), ({"start_ms": 80.0, "end_ms": 1240.0}, range(2, 6))]
)
def test_an_annotated_copy_has_the_frames_of_its_job(options: dict[str, Any], numbers: range) -> None:
    content = grey(0, times=UNEVEN)
    (last,) = numbers[-1:]
    copy = rendered(content, "annotated", result_of(content, {last: [(0, 0.9, BOX)]}, **options))
    every = times_of(probed(content)[1])
    assert [time for time, _ in copy.frames] == [every[number] for number in numbers]
    assert [drawn_on(image) for _, image in copy.frames] == [number == last for number in numbers]


def test_a_copy_of_high_dynamic_range_is_for_standard_displays() -> None:
    picture = np.full((96, 128, 3), (120, 60, 150), np.uint8)
    frame = high_range.frame_of(high_range.light_of(picture), "hlg")
    copy = rendered(high_range.clip_of(frame, "hlg"), "playable")
    with av.open(io.BytesIO(copy.content), "r") as container:
        written = next(container.decode(video=0))
    assert (written.colorspace, written.color_trc, written.color_primaries) == (1, 1, 1)
    assert far(copy.frames[0][1], picture) < 4


def test_results_of_many_blocks_fall_on_their_frames() -> None:
    content = grey(600, (64, 48))
    marked = {3, 255, 256, 257, 511, 512, 599}
    found = {number: [(1, 0.9, (4.0, 4.0, 60.0, 44.0))] for number in marked}
    frames = rendered(content, "annotated", result_of(content, found)).frames
    assert {number for number, (_, image) in enumerate(frames) if drawn_on(image)} == marked


def test_a_result_without_objects_is_the_video_alone() -> None:
    content = grey(3)
    frames = rendered(content, "annotated", result_of(content, {})).frames
    assert [drawn_on(image) for _, image in frames] == [False] * 3


def test_a_damaged_result_is_told() -> None:
    content = grey(3)
    results = result_of(content, {})
    with pytest.raises(VideoRefused, match="result"):
        rendered(content, "annotated", results[:-20] + bytes(20))


class Apart(MemoryStorage):
    """A storage without files, whose reads fail behind some bytes of the video."""

    def __init__(self, good_bytes: int = 10**9) -> None:
        super().__init__()
        self._good = good_bytes

    def open(self, key: str) -> BinaryIO:
        data = self.objects[key]

        def fetch(start: int, stop: int) -> bytes:
            if stop > self._good and key == SOURCES.video:
                raise ConnectionResetError("the line broke")
            return data[start:stop]

        return cast(BinaryIO, RangeReader(fetch, len(data)))


def test_a_storage_without_files_is_read_through_the_parent() -> None:
    content = grey(24)
    results = result_of(content, {7: [(0, 0.87, BOX)]})
    assert rendered(content, "annotated", results, Apart()).frames[7][0] == Fraction(7, 25)


def test_a_storage_that_fails_is_not_taken_for_a_damaged_video() -> None:
    content = formats.encode("matroska", "libx264", frames=400, size=(320, 240), bit_rate=8_000_000).content
    assert len(content) > 2_000_000
    with pytest.raises(StorageUnavailable):
        rendered(content, "playable", storage=Apart(2_000_000))


def test_one_that_is_not_wanted_any_more_is_ended() -> None:
    content = grey(500, (1280, 720))
    media, index = probed(content)
    storage = MemoryStorage()
    storage.objects.update({SOURCES.video: content, SOURCES.index: compress(encode(index))})
    seen: list[Report | None] = []

    def tick(report: Report | None) -> bool:
        seen.append(report)
        return report is None

    with tempfile.TemporaryFile() as target, pytest.raises(Unwanted):
        make(storage, SOURCES, target, "playable", media, RenditionOptions(), tick)
    assert seen[-1] is not None
    assert 0 < seen[-1].frames_done < seen[-1].frames_total == 500


# One line without an end.
ENDLESS = "yes | tr -d '\\n'"


@pytest.mark.parametrize("script", ["kill -SEGV $$", "exit 1", "echo nonsense", 'echo "{\\"frames_done\\":1', ENDLESS])
def test_a_renderer_that_dies_is_a_reason_to_fail(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "python"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o755)
    content = grey(3)
    monkeypatch.setattr("processor.renditions.ask.sys.executable", str(broken))
    with pytest.raises(VideoRefused, match="broke the renderer"):
        rendered(content, "playable")


def test_a_renderer_that_is_killed_says_nothing_about_the_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\nkill -KILL $$\n")
    killed.chmod(0o755)
    content = grey(3)
    monkeypatch.setattr("processor.renditions.ask.sys.executable", str(killed))
    with pytest.raises(ChildKilled):
        rendered(content, "playable")


def test_one_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    content = grey(3)
    monkeypatch.setattr("processor.renditions.ask.sys.executable", str(slow))
    monkeypatch.setattr("processor.renditions.ask._PATIENCE", 0)
    with pytest.raises(VideoRefused, match="longer than is allowed"):
        rendered(content, "playable")


def test_the_renderer_knows_no_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asks = tmp_path / "python"
    asks.write_text(f"#!/bin/sh\nenv > {tmp_path}/environ\n")
    asks.chmod(0o755)
    content = grey(3)
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hidden@there/db")
    monkeypatch.setattr("processor.renditions.ask.sys.executable", str(asks))
    with pytest.raises(VideoRefused):
        rendered(content, "playable")
    assert "hidden" not in (tmp_path / "environ").read_text()


def test_a_longer_and_a_larger_video_may_take_longer() -> None:
    small = probed(grey(3))[0]
    longer, larger = (msgspec.structs.replace(small, **change) for change in ({"frames": 9000}, {"width": 9000}))
    assert cpu_seconds("playable", small) < min(cpu_seconds("playable", longer), cpu_seconds("playable", larger))
    assert cpu_seconds("poster", longer) == cpu_seconds("poster", small)


# A parent of a renderer that waits for ever for its first byte.
PARENT = """
import os, socket, subprocess, sys, time
ours, theirs = socket.socketpair()
fd = theirs.fileno()
request = sys.argv[1].replace('"parent":0', f'"parent":{os.getpid()}').replace(':99', f':{fd}')
command = [sys.executable, "-m", "processor.renditions.child", request]
child = subprocess.Popen(command, pass_fds=[fd, ours.fileno()])  # both, so that it never sees the end
print(child.pid, flush=True)
time.sleep(60)
"""


def test_the_renderer_ends_with_its_parent() -> None:
    request = Request("playable", probed(grey(3))[0], 99, 99, None, 99, RenditionOptions(), 60, 10**6, 0)
    command = [sys.executable, "-c", PARENT, msgspec.json.encode(request).decode()]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        deadline = time.monotonic() + 30
        while child.nice() < 10:  # it has begun
            assert time.monotonic() < deadline
            time.sleep(0.05)
        parent.kill()
    assert not still_there([child], 10)
