"""Copies in which objects are hidden: what was there cannot be told from what was not."""

import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, cast

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import VideoRefused
from contracts.results import result_file, tracks_file
from contracts.results.codec import compress, pack
from contracts.results.tracks import TrackerParameters, of_tracks
from contracts.results.tracks_file import TracksHeader, encode_numbers
from contracts.wire.messages import SCHEMA, FrameRange, Media, Options, PacketIndex, Plan, ResultHeader, encode
from contracts.wire.renditions import RenditionOptions
from processor.core.frame_order import frame_order
from processor.core.sampling import wanted
from processor.renditions import blurring
from processor.renditions.ask import Sources, make
from processor.renditions.blurring import hide, outside
from processor.renditions.encoder import Target
from processor.renditions.inputs import Inputs
from processor.renditions.picture import Picture
from processor.renditions.protocol import Request
from tests.media.rendering.test_pictures import probed, track
from tests.media.rendering.test_rendering import LABELS, detections
from tests.support.fakes import MemoryStorage

Image8 = NDArray[np.uint8]
WIDTH, HEIGHT, SIDE = 320, 240, 64
# What the patch shows: two things of one brightness, which nothing but their pattern tells apart.
STRIPES = np.tile(np.repeat([40, 200], 4), SIDE // 8)[None, :].repeat(SIDE, axis=0)
CHECKS = np.where(np.add.outer(np.arange(SIDE) // 8, np.arange(SIDE) // 8) % 2, 40, 200)


def picture(patch: NDArray[Any]) -> Picture:
    """A grey picture with a patch at 100, 80, which differs in colour too."""
    half = (HEIGHT // 2, WIDTH // 2)
    made = Picture(
        np.full((HEIGHT, WIDTH), 120, np.uint8), np.full(half, 128, np.uint8), np.full(half, 128, np.uint8), "601"
    )
    made.y[80 : 80 + SIDE, 100 : 100 + SIDE] = patch
    made.u[40 : 40 + SIDE // 2, 50 : 50 + SIDE // 2] = patch[::2, ::2] // 2 + 68
    return made


def far(one: Picture, other: Picture) -> int:
    """The greatest difference of two pictures, in any plane."""
    planes = ((one.y, other.y), (one.u, other.u), (one.v, other.v))
    return max(int(np.abs(a.astype(int) - b.astype(int)).max()) for a, b in planes)


def test_two_things_of_one_brightness_cannot_be_told_apart_any_more() -> None:
    one, other = picture(STRIPES), picture(CHECKS)
    assert far(one, other) == 160
    for made in (one, other):
        hide(made, (96, 76, 100 + SIDE + 4, 80 + SIDE + 4))
    assert far(one, other) <= 16, "one step, where an average lies at its edge"
    assert np.ptp(one.y[90:130, 110:150]) <= 32


@pytest.mark.parametrize("box", [(101.2, 80.0, 131.0, 99.5), (-20, -20, 40, 40), (300, 200, 900, 900), (5, 5, 6, 6)])
def test_a_box_is_hidden_to_its_edges_and_nothing_else_is_touched(box: tuple[float, float, float, float]) -> None:
    noise = np.random.default_rng(1).integers(16, 235, (HEIGHT, WIDTH)).astype(np.uint8)
    made = Picture(noise.copy(), noise[::2, ::2].copy(), noise[::2, ::2].copy(), "601")
    hide(made, box)
    left, top = (max(0, int(value // 2 * 2)) for value in box[:2])
    right, bottom = min(WIDTH, int(-(-box[2] // 2) * 2)), min(HEIGHT, int(-(-box[3] // 2) * 2))
    rest = np.ones_like(noise, bool)
    rest[top:bottom, left:right] = False
    assert (made.y[rest] == noise[rest]).all()
    hidden = made.y[top:bottom, left:right].astype(int)
    assert max(np.abs(np.diff(hidden, axis=axis)).max(initial=0) for axis in (0, 1)) <= 32, "an edge is left"
    assert len(np.unique(made.u[~rest[::2, ::2]])) <= 64


def test_what_is_left_of_a_box_is_the_averages_of_its_cells_in_steps_and_what_is_between_them() -> None:
    made = picture(STRIPES)
    made.y[:] = np.repeat([60, 181, 255], [90, 110, 120])[None, :]
    hide(made, (10, 10, 310, 210))  # 4 cells of 75 pixels across, 2 of 100 down
    middles = made.y[100, 10 + 37 : 310 : 75].tolist()
    # 60; 60 for 5 pixels, then 181; 181 for 40 pixels, then 255 for 35; 255, which is brighter than there is.
    assert middles == [64, 176, 224, 235]
    across, down = made.y[100, 10:310].astype(int), made.y[10:210, 100].astype(int)
    assert (np.ptp(across[:37]), np.ptp(across[263:]), np.ptp(down)) == (0, 0, 0)
    assert np.diff(across).min() >= 0
    assert np.diff(across).max() <= 2


def test_a_hidden_box_that_is_outside_changes_nothing() -> None:
    made, before = picture(STRIPES), picture(STRIPES)
    hide(made, (400, 10, 500, 60))
    assert far(made, before) == 0


def test_what_is_outside_of_the_region_of_a_job_is_named() -> None:
    assert list(outside(None, 100, 80)) == []
    around = list(outside((0.25, 0.5, 1, 0.75), 100, 80))
    assert around == [(0, 0, 100, 40), (0, 60.0, 100, 80), (0, 40.0, 25.0, 60.0)]


def film(patch: NDArray[Any], frames: int = 24) -> bytes:
    """A patch that moves to the right by 4 pixels a frame."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as writer:
        stream: Any = writer.add_stream("libx264", rate=25, options={"g": "12", "preset": "ultrafast", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(frames):
            image = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
            image[80 : 80 + SIDE, 4 * number : 4 * number + SIDE] = patch[..., None]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())
    return sink.getvalue()


def where(number: int) -> tuple[int, int, int, int]:
    return (4 * number, 80, 4 * number + SIDE, 80 + SIDE)


def in_the_sandbox(
    content: bytes, index: PacketIndex, results: bytes, tracks: bytes, media: Media, options: RenditionOptions
) -> bytes:
    sources = Sources("videos/x/content", "videos/x/index", "videos/x/jobs/y/result", "videos/x/jobs/y/tracks")
    keys = (sources.video, sources.index, str(sources.results), str(sources.tracks))
    storage = MemoryStorage()
    storage.objects |= dict(zip(keys, (content, compress(encode(index)), results, tracks), strict=True))
    with tempfile.TemporaryFile() as target:
        make(storage, sources, target, "blurred", media, options, lambda _: True)
        return os.pread(target.fileno(), 10**8, 0)


def in_process(
    content: bytes, index: PacketIndex, results: bytes, tracks: bytes, media: Media, options: RenditionOptions
) -> bytes:
    """The same without the start of a process."""
    request = Request("blurred", media, 0, 0, None, 0, options, 0, 0, 0)
    inputs = Inputs(io.BytesIO(content), index, io.BytesIO(results), io.BytesIO(tracks))
    with tempfile.NamedTemporaryFile() as sink, open(sink.name, "rb") as again:
        blurring.make(request, Target(cast(BinaryIO, sink), again), inputs, lambda _: None)
        sink.flush()
        return Path(sink.name).read_bytes()


def blurred(
    content: bytes,
    seen: Mapping[int, Sequence[int]],
    missing: Sequence[int] = (),
    labels: Any = None,
    sandboxed: bool = False,
    **options: Any,
) -> list[Image8]:
    """The copy, of a job that saw the patch in some frames as objects of these classes, all of one track."""
    media, index = probed(content)
    chosen = Options(**options)
    failed = tuple(FrameRange(number, number, "decode_failed") for number in missing)
    header = ResultHeader(
        SCHEMA, media, index.time_base, Plan("m", "d", "e", "fp32", chosen), LABELS, not missing, failed
    )
    times = frame_order(index).times
    numbers = [number for number in wanted(times, index.time_base, chosen) if number not in missing]
    found = [detections([(one, 0.9, where(number)) for one in seen.get(number, ())]) for number in numbers]
    blocks = [pack(number, [times[number]], [objects]) for number, objects in zip(numbers, found, strict=True)]
    results, tracks = io.BytesIO(), io.BytesIO()
    result_file.write(results, header, blocks)
    made_by = TracksHeader(SCHEMA, "t", 1, TrackerParameters(), "0" * 64)
    count = sum(len(objects.score) for objects in found)
    ids = [encode_numbers(np.ones(count, np.int64))]
    tracks_file.write(tracks, made_by, ids, np.array([1]), of_tracks([track(1, 0, (0, 0, 1, 1))]))
    files = (content, index, results.getvalue(), tracks.getvalue())
    copy = (in_the_sandbox if sandboxed else in_process)(*files, media, RenditionOptions(labels=labels))
    with av.open(io.BytesIO(copy), "r") as container:
        decoded: Any = container.decode(video=0)
        return [frame.to_ndarray(format="rgb24") for frame in decoded]


def patch_of(image: Image8, number: int) -> NDArray[np.float64]:
    x1, y1, x2, y2 = where(number)
    return np.asarray(image[y1:y2, x1:x2].mean(axis=2), np.float64)


def told_apart(one: list[Image8], other: list[Image8]) -> list[float]:
    """How far the patches of two films are from each other, frame by frame, at most in any block of 4x4 pixels."""
    found = []
    for number, (a, b) in enumerate(zip(one, other, strict=True)):
        apart = np.abs(patch_of(a, number) - patch_of(b, number))
        found.append(float(apart.reshape(SIDE // 4, 4, SIDE // 4, 4).mean(axis=(1, 3)).max()))
    return found


def test_a_moving_object_is_hidden_in_every_frame_also_where_it_was_missed() -> None:
    seen = {number: (0,) for number in range(24) if number not in (0, 1, 6, 7, 8, 15, 16, 23)}
    one, other = blurred(film(STRIPES), seen, sandboxed=True), blurred(film(CHECKS), seen)
    assert len(one) == 24
    assert max(told_apart(one, other)) < 24
    assert min(np.ptp(patch_of(image, number)) for number, image in enumerate(one)) < 60
    corner = one[12][:40, 250:].astype(int)
    assert np.ptp(corner) < 12, "what is elsewhere is left"


def test_labels_that_are_not_chosen_are_left_and_a_flickering_one_is_not() -> None:
    kept = blurred(film(STRIPES), dict.fromkeys(range(24), (0,)), labels=(LABELS[5],))
    assert np.ptp(patch_of(kept[12], 12)) > 120
    flickering = {number: (5,) if number == 20 else (0,) for number in range(24)}
    one, other = (blurred(film(patch), flickering, labels=(LABELS[5],)) for patch in (STRIPES, CHECKS))
    assert max(told_apart(one, other)) < 24


def test_a_frame_without_a_result_shows_nothing() -> None:
    one, other = (blurred(film(patch), {}, missing=[9, 10]) for patch in (STRIPES, CHECKS))
    apart = told_apart(one, other)
    assert max(apart[9:11]) < 24
    assert min(apart[:9] + apart[11:]) > 60, "the job found nothing there"
    assert len(one) == 24


def test_a_sampled_job_shows_the_frames_that_it_looked_at_and_what_is_outside_of_its_region_is_hidden() -> None:
    seen = dict.fromkeys(range(0, 24, 6), (0,))
    assert len(blurred(film(STRIPES), seen, every_n=6)) == 4
    left, right = (
        told_apart(*(blurred(film(patch), {}, region=region) for patch in (STRIPES, CHECKS)))
        for region in ((0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0))
    )
    assert (min(left) > 60, max(right) < 24) == (True, True)


def test_a_label_that_the_job_does_not_know_is_refused() -> None:
    with pytest.raises(VideoRefused, match="did not look for unicorn"):
        blurred(film(STRIPES), {}, labels=("unicorn",))
