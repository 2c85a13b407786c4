"""Reels made by the bounded process: pieces of different videos in pictures of one size."""

import io
import os
import tempfile
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from contracts.errors import VideoRefused
from contracts.results.codec import compress
from contracts.storage.port import index_key, video_key
from contracts.wire.messages import encode
from contracts.wire.renditions import Piece, Reel, RenditionOptions
from processor.renditions.ask import Sources, SourceVideo, make
from tests.media.rendering.test_rendering import Made, far, probed
from tests.support.fakes import MemoryStorage
from tests.support.videos import formats
from tests.support.videos.formats import File
from tests.support.videos.sounding import RATE, heard, told_time, with_changing_sound, with_sound

SIZE = (160, 120)


def reel(videos: dict[str, bytes], *pieces: Piece) -> Made:
    storage = MemoryStorage()
    sources = []
    for name, content in videos.items():
        media, index = probed(content)
        storage.objects.update({video_key(name): content, index_key(name): compress(encode(index))})
        sources.append(SourceVideo(name, media))
    first = sources[0]
    keys = Sources(video_key(first.id), index_key(first.id), videos=tuple(sources))
    options = RenditionOptions(reel=Reel("reel", pieces, *SIZE))
    with tempfile.TemporaryFile() as target:
        report = make(storage, keys, target, "reel", first.media, options, lambda _: True)
        return Made(os.pread(target.fileno(), 10**8, 0), report)


def expected(file: File, number: int, size: tuple[int, int], clockwise: int = 0) -> Any:
    """A frame of a file, upright, in the middle of a black picture."""
    image = np.rot90(file.frames[number].to_ndarray(format="rgb24"), -clockwise // 90)
    whole = Image.new("RGB", SIZE)
    place = ((SIZE[0] - size[0]) // 4 * 2, (SIZE[1] - size[1]) // 4 * 2)
    whole.paste(Image.fromarray(image).resize(size), place)
    return np.asarray(whole)


def test_pieces_of_different_videos_follow_each_other() -> None:
    """Of other sizes, codecs, rates, orientations and pixels."""
    wide = formats.encode("mp4", "libx264", size=(128, 48), b_frames=2)
    turned = formats.encode("mp4", "libx265", size=(96, 64), clockwise=90)
    broad = formats.encode("mp4", "libvpx-vp9", size=(64, 48), aspect=Fraction(2), rate=Fraction(10))
    made = reel(
        {"wide": wide.content, "turned": turned.content, "broad": broad.content},
        Piece("turned", 400, 600, 0),
        Piece("wide", 1000, 1100, 200),
        Piece("broad", 2000, 2300, 300),
        Piece("turned", 0, 80, 600),
    )
    # (ms in the reel, file, its frame, size of the picture, rotation)
    told: list[tuple[int, File, int, tuple[int, int], int]] = [
        *((at * 40, turned, 10 + at, (80, 120), 90) for at in range(5)),
        *((200 + at * 40, wide, 25 + at, (160, 60), 0) for at in range(3)),
        *((300 + at * 100, broad, 20 + at, (160, 60), 0) for at in range(3)),
        *((600 + at * 40, turned, at, (80, 120), 90) for at in range(2)),
    ]
    found = made.frames
    assert [time for time, _ in found] == [Fraction(ms, 1000) for ms, *_ in told]
    for (_, image), (_, file, number, size, clockwise) in zip(found, told, strict=True):
        assert image.shape == (SIZE[1], SIZE[0], 3)
        assert far(image, expected(file, number, size, clockwise)) < 12
    assert (made.report.frames_done, made.report.content_type) == (len(told), "video/mp4")


def test_a_piece_begins_with_the_frame_that_is_shown_then() -> None:
    file = formats.encode("mp4", "libx264", rate=Fraction(10))
    made = reel({"x": file.content}, Piece("x", 550, 650, 0))
    assert [time for time, _ in made.frames] == [0, Fraction(1, 20)]


def test_a_reel_has_the_sound_of_its_pieces_and_silence_where_there_is_none() -> None:
    """Of other containers and codecs; the sound of a source tells its time."""
    mute = formats.encode("mp4", "libx264", frames=50)
    one = with_sound(formats.encode("mp4", "libx264", b_frames=2, frames=75), "mp4")
    other = with_sound(formats.encode("mp4", "libx264", frames=75), "matroska", "mp2")
    short = with_sound(formats.encode("mp4", "libx264", frames=75), "mpegts", seconds=0.5)
    made = reel(
        {"mute": mute.content, "one": one.content, "other": other.content, "short": short.content},
        Piece("one", 1500, 2100, 0),
        Piece("mute", 0, 400, 600),
        Piece("other", 410, 1010, 1000),
        Piece("short", 200, 1000, 1600),
    )
    with av.open(io.BytesIO(made.content), "r") as opened:
        (stream,) = opened.streams.audio
        assert (stream.codec_context.name, stream.rate, stream.channels) == ("aac", 48_000, 2)
    early = 1024 / RATE  # the encoder's first samples, before those of time 0, and in a transport stream at its time 0
    for at, source in ((0.05, 1.55), (0.55, 2.05), (1.05, 0.46), (1.5, 0.91), (1.65, 0.25 - early)):
        assert abs(told_time(made.content, at) - source) < 0.004
    wave = heard(made.content)
    loud = [float(np.abs(wave[round(at * RATE) : round((at + 0.2) * RATE)]).mean()) for at in (0.3, 0.7, 1.2, 2.1)]
    assert [value > 0.1 for value in loud] == [True, False, True, False]
    assert max(loud[1], loud[3]) < 0.001
    assert abs(len(wave) / RATE - 2.4) < 0.05, "as long as the pictures"


@pytest.mark.parametrize(
    ("codec", "forms"),
    [
        ("mp2", (("stereo", 48_000), ("mono", 48_000))),
        ("mp2", (("stereo", 48_000), ("stereo", 32_000))),
        ("ac3", (("stereo", 48_000), ("5.1", 48_000))),
        ("ac3", (("stereo", 48_000), ("stereo", 32_000))),
    ],
)
def test_sound_that_changes_its_form_midway_goes_on_at_its_pitch(
    codec: str, forms: tuple[tuple[str, int], ...]
) -> None:
    changing = with_changing_sound(formats.encode("mp4", "libx264", frames=50), codec, *forms)
    made = reel({"x": changing.content}, Piece("x", 0, 2000, 0))
    assert len(made.frames) == 50
    for at in (0.5, 1.5):
        assert abs(told_time(made.content, at) - at) < 0.03


def test_a_reel_of_videos_without_sound_has_none() -> None:
    made = reel({"x": formats.encode("mp4", "libx264").content}, Piece("x", 0, 200, 0))
    with av.open(io.BytesIO(made.content), "r") as opened:
        assert len(opened.streams.audio) == 0


def test_a_piece_of_which_nothing_can_be_decoded_fails_the_reel() -> None:
    good = formats.encode("mp4", "libx264", frames=12)
    place = good.content.index(b"mdat") + 4
    bad = good.content[:place] + bytes(len(good.content) - place)
    media, index = probed(good.content)
    storage = MemoryStorage()
    storage.objects.update({video_key("x"): bad, index_key("x"): compress(encode(index))})
    keys = Sources(video_key("x"), index_key("x"), videos=(SourceVideo("x", media),))
    options = RenditionOptions(reel=Reel("reel", (Piece("x", 0, 100, 0),), *SIZE))
    with tempfile.TemporaryFile() as target, pytest.raises(VideoRefused):
        make(storage, keys, target, "reel", media, options, lambda _: True)
