"""Pictures of frames and of tracks: the frame that is asked for, upright, in its colours, and no other."""

import io
import os
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from contracts.results import tracks_file
from contracts.results.codec import compress
from contracts.results.pictures_file import PicturesFile
from contracts.results.tracks import Track, TrackerParameters, of_tracks
from contracts.results.tracks_file import TracksFile, TracksHeader, encode_numbers
from contracts.wire.messages import SCHEMA, Media, PacketIndex, ProbeReport, encode
from contracts.wire.pictures import FramePicture, Sheet
from contracts.wire.renditions import RenditionOptions
from media import frames_of_packets
from processor.probe.child import Limits, inspect
from processor.renditions.ask import Sources, make
from processor.renditions.pictures import SIDE, frame_pictures, track_pictures, worth_showing
from tests.support.fakes import MemoryStorage
from tests.support.videos import formats

Image8 = NDArray[np.uint8]
SIZE = (128, 96)


def probed(content: bytes) -> tuple[Media, PacketIndex]:
    report: ProbeReport = inspect(io.BytesIO(content), Limits(10**9, 10**9, 10**15))
    assert report.media is not None
    assert report.index is not None
    return report.media, report.index


def pictures(file: formats.File, *wanted: FramePicture) -> list[Image8 | None]:
    """The pictures of some frames of a file, None where there is none."""
    sink = io.BytesIO()
    media, index = probed(file.content)
    frame_pictures(sink, file.source(), index, media, wanted)
    made = PicturesFile(sink)
    return [opened(made.picture(item.name())) for item in wanted]


def opened(jpeg: bytes | None) -> Image8 | None:
    assert jpeg is not None
    return np.asarray(Image.open(io.BytesIO(jpeg))) if jpeg else None


def picture(file: formats.File, wanted: FramePicture) -> Image8:
    (found,) = pictures(file, wanted)
    assert found is not None
    return found


def number_in(image: Image8) -> int:
    """The number that a picture of `formats.numbered` shows."""
    places = ((np.arange(formats.NUMBER_BITS) + 0.5) * image.shape[1] / formats.NUMBER_BITS).astype(int)
    return sum(1 << bit for bit, place in enumerate(places) if image[:, place].mean() > 128)


FILES: dict[str, Callable[[], formats.File]] = {
    "h264 with b-frames in mp4": lambda: formats.encode("mp4", "libx264", b_frames=2, first=0, size=SIZE),
    "open groups of hevc": lambda: formats.encode("mp4", "libx265", b_frames=2, open_groups=True, first=0, size=SIZE),
    "mpeg4 with b-frames in avi": lambda: formats.encode("avi", "mpeg4", b_frames=2, first=0, size=SIZE),
    "transport stream": lambda: formats.remux(formats.encode("mp4", "libx264", first=0, size=SIZE), "mpegts"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_picture_is_of_exactly_the_frame_with_the_number(name: str) -> None:
    numbers = (0, 1, 11, 12, 25, 47)
    found = pictures(FILES[name](), *(FramePicture(frame=number) for number in numbers))
    assert [number_in(image) for image in found if image is not None] == list(numbers)


@pytest.mark.parametrize(("at_ms", "number"), [(-5, 0), (0, 0), (39.9, 0), (40, 1), (1001, 25), (10_000, 47)])
def test_at_a_time_it_is_the_frame_that_a_player_shows(at_ms: float, number: int) -> None:
    file = formats.encode("mp4", "libx264", b_frames=2, first=0, size=SIZE)
    assert number_in(picture(file, FramePicture(at_ms=at_ms))) == number


@pytest.mark.parametrize(
    ("sheet", "numbers"),
    [
        (Sheet(3, 2), [[0, 11, 19], [24, 35, 43]]),  # 0 and 24 are keyframes
        (Sheet(2, 1, 1000, 1400), [[27, 32]]),
        (Sheet(10, 10, 0, 160), [[0, 1, 2, 3]]),
    ],
)
def test_a_contact_sheet_has_frames_of_equal_parts_in_rows(sheet: Sheet, numbers: list[list[int]]) -> None:
    file = formats.encode("mp4", "libx264", b_frames=2, first=0, size=SIZE)
    image = picture(file, FramePicture(width=1920, sheet=sheet))
    width, height = SIZE[0] + 2, SIZE[1] + 2
    assert image.shape[:2] == (height * len(numbers) - 2, width * len(numbers[0]) - 2)
    cells = [
        [image[y : y + SIZE[1], x : x + SIZE[0]] for x in range(0, image.shape[1], width)]
        for y in range(0, image.shape[0], height)
    ]
    assert [[number_in(cell) for cell in row] for row in cells] == numbers


def test_only_what_is_needed_from_the_keyframes_on_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    file = formats.encode("mp4", "libx264", frames=200, every=50, first=0, size=SIZE)
    decoded: list[object] = []
    decode = frames_of_packets._decoded

    def counted(*arguments: Any) -> Any:
        decoded.append(arguments)
        return decode(*arguments)

    monkeypatch.setattr(frames_of_packets, "_decoded", counted)
    media, index = probed(file.content)
    decoded.clear()
    wanted = [FramePicture(frame=number) for number in (3, 155)]
    frame_pictures(io.BytesIO(), file.source(), index, media, wanted)
    assert len(decoded) <= 4 + 6 + 8


@pytest.mark.parametrize(("clockwise", "mirrored"), [(0, False), (90, False), (180, True)])
def test_a_picture_is_upright_in_the_colours_of_the_frame(clockwise: int, mirrored: bool) -> None:
    file = formats.encode("mp4", "libx264", frames=3, size=(160, 120), clockwise=clockwise, mirrored=mirrored)
    shown = file.frames[1].to_ndarray(format="rgb24")[:, :: -1 if mirrored else 1]
    shown = np.rot90(shown, -clockwise // 90)
    image = picture(file, FramePicture(frame=1))
    assert image.shape == shown.shape
    assert np.abs(image.astype(int) - shown.astype(int)).mean() < 12
    assert np.abs(image.mean(axis=(0, 1)) - shown.mean(axis=(0, 1))).max() < 4.5, "other colours"


def test_a_part_of_a_frame_has_the_size_that_is_asked_for_and_is_never_enlarged() -> None:
    file = formats.encode("mp4", "libx264", frames=2, first=0, size=SIZE)
    whole = picture(file, FramePicture(frame=1))
    part = picture(file, FramePicture(frame=1, box=(10, 20, 74, 52)))
    assert part.shape == (32, 64, 3)
    assert np.abs(part.astype(int) - whole[20:52, 10:74].astype(int)).mean() < 8
    assert picture(file, FramePicture(frame=1, box=(10, 20, 74, 52), width=32)).shape == (16, 32, 3)
    assert picture(file, FramePicture(frame=1, width=64)).shape == (48, 64, 3)
    assert whole.shape == (96, 128, 3)


def test_a_frame_that_cannot_be_decoded_has_an_empty_picture_and_the_others_theirs() -> None:
    file = formats.encode("matroska", "libx264", every=12, first=0, size=SIZE)
    damaged = formats.remux(file, "matroska", change=lambda n, data: b"\0" * len(data) if 12 <= n < 24 else data)
    good, bad, beyond = pictures(damaged, *(FramePicture(frame=number) for number in (3, 15, 5000)))
    assert (good is not None, bad, beyond) == (True, None, None)


def track(number: int, frame: int, box: tuple[float, ...], score: int = 9000, frames: int = 5) -> Track:
    corners: Any = tuple(round(value * 100) for value in box)
    path = np.array([[frame, 0, 0]])
    at = (frame, frame + frames, frame, frame + frames)
    return Track(number, 0, *at, frames, score, frame, frame, corners, corners, path, path[:, 0])


def tracks_of(*tracks: Track) -> bytes:
    sink = io.BytesIO()
    header = TracksHeader(SCHEMA, "t", 1, TrackerParameters(), "0" * 64)
    numbers = np.arange(1, len(tracks) + 1)
    tracks_file.write(sink, header, [encode_numbers(numbers)], numbers, of_tracks(tracks))
    return sink.getvalue()


def test_pictures_of_tracks_show_their_best_boxes_with_a_margin() -> None:
    file = formats.encode("mp4", "libx264", first=0, size=(600, 400))
    media, index = probed(file.content)
    tracks = TracksFile(io.BytesIO(tracks_of(track(1, 30, (0, 0, 600, 400)), track(2, 5, (300, 100, 340, 180)))))
    sink = io.BytesIO()
    report = track_pictures(sink, file.source(), index, media, tracks, lambda _: None)
    made = PicturesFile(sink)
    assert (report.frames_done, report.frames_total, made.header.of) == (2, 2, tracks.header.digest())
    first, second = (opened(made.picture(name)) for name in ("1", "2"))
    assert first is not None
    assert second is not None
    assert (max(first.shape), number_in(first)) == (SIDE, 30)
    assert second.shape == (96, 48, 3), "a tenth of the box on each side"
    assert made.picture("3") is None


def test_tracks_that_are_seen_long_with_good_scores_are_shown_first() -> None:
    box = (0.0, 0.0, 1.0, 1.0)
    seen = [track(1, 0, box, 5000, 100), track(2, 0, box, 9000, 10), track(3, 0, box, 9000, 100), track(4, 9, box)]
    assert worth_showing(of_tracks(seen), 2).tolist() == [0, 2]
    assert worth_showing(of_tracks(seen), 9).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("work", ["frames", "pictures"])
def test_pictures_are_made_in_the_sandbox(work: Any) -> None:
    file = formats.encode("mp4", "libx264", first=0, size=SIZE)
    media, index = probed(file.content)
    storage = MemoryStorage()
    sources = Sources(
        "videos/x/content", "videos/x/index", tracks="videos/x/jobs/y/tracks" if work == "pictures" else None
    )
    storage.objects |= {
        sources.video: file.content,
        sources.index: compress(encode(index)),
        "videos/x/jobs/y/tracks": tracks_of(track(1, 30, (0, 0, *SIZE))),
    }
    wanted = FramePicture(frame=30)
    with tempfile.TemporaryFile() as target:
        make(storage, sources, target, work, media, RenditionOptions(), lambda _: True, [wanted])
        made = PicturesFile(io.BytesIO(os.pread(target.fileno(), 10**8, 0)))
    image = opened(made.picture("1" if work == "pictures" else wanted.name()))
    assert image is not None
    assert number_in(image) == 30
