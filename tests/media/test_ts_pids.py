"""Transport streams whose video moves to another PID: it goes on as one video. Cameras side by side do not."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from msgspec import UNSET

from contracts.settings.table import Settings
from contracts.storage.local import LocalStorage
from contracts.wire.messages import Media, PacketIndex
from detector.decode.frames import decode
from processor.probe.ask import probe
from processor.renditions.frames import numbered_frames, opened
from tests.media.test_formats import CHUNK_SIZES, chunks, probed
from tests.support.videos.formats import File, encode, planes

FIRST, SECOND = 36, 24
PACKET = 188


def part(pid: int, frames: int = FIRST, codec: str = "libx264", **options: Any) -> File:
    """A recording whose video has a PID."""
    muxing = {"mpegts_start_pid": str(pid), **options.pop("muxing", {})}
    return encode("mpegts", codec, frames=frames, muxing=muxing, **options)


def stamped(file: File) -> File:
    """With four bytes of time before each packet, as cameras write them."""
    return File(b"".join(bytes(4) + file.content[at : at + PACKET] for at in range(0, len(file.content), PACKET)))


B_FRAMES: dict[str, Any] = {"b_frames": 2, "open_groups": True}
JOINED: dict[str, Callable[[], list[File]]] = {
    "h264": lambda: [part(256, **B_FRAMES), part(300, SECOND, **B_FRAMES)],
    "mpeg2": lambda: [part(300, codec="mpeg2video", b_frames=2), part(256, SECOND, codec="mpeg2video", b_frames=2)],
    "and back": lambda: [part(256), part(300, SECOND), part(256, 12)],
    "three": lambda: [part(256), part(300, SECOND), part(400, 12)],
    "another size": lambda: [part(256), part(300, SECOND, size=(96, 64))],
    "with time stamps": lambda: [stamped(part(256)), stamped(part(300, SECOND))],
}
Joined = tuple[bytes, list[bytes], Media, PacketIndex]


@pytest.fixture(scope="module", params=JOINED)
def joined(request: pytest.FixtureRequest) -> Joined:
    """The file, the pixels of a plain decode of its parts, and what the probe says."""
    parts = JOINED[request.param]()
    content = b"".join(one.content for one in parts)
    report = probed(File(content))
    assert report.media is not None
    assert report.index is not None
    return content, [planes(frame) for one in parts for frame in one.frames], report.media, report.index


def test_the_parts_are_one_video_whose_time_goes_on(joined: Joined) -> None:
    _, frames, media, index = joined
    assert index.pids is not UNSET
    assert (media.frames, media.duration_ms, media.fps) == (len(frames), len(frames) * 40.0, 25.0)
    assert media.damage is None


@pytest.mark.parametrize("size", CHUNK_SIZES)
def test_the_chunks_together_are_the_plain_decode_of_the_parts(joined: Joined, size: int) -> None:
    content, frames, _, _ = joined
    found = {}
    for chunk in chunks(probed(File(content)), size):
        for place, frame in decode(io.BytesIO(content), chunk):
            found[chunk.numbers[place]] = planes(frame)
    assert found == dict(enumerate(frames))


def test_copies_have_all_parts(joined: Joined) -> None:
    content, frames, _, index = joined
    with opened(io.BytesIO(content), index) as video:
        assert [planes(frame) for _, _, frame in numbered_frames(video, index)] == frames


def two_streams() -> bytes:
    """One program of two videos."""
    sink = io.BytesIO()
    with (
        av.open(part(256).source(), "r") as one,
        av.open(part(300).source(), "r") as other,
        av.open(sink, "w", "mpegts") as both,
    ):
        streams = [both.add_stream_from_template(source.streams.video[0]) for source in (one, other)]
        for pair in zip(one.demux(), other.demux(), strict=True):
            for packet, stream in zip(pair, streams, strict=True):
                if packet.dts is not None:
                    packet.stream = stream
                    both.mux(packet)
    return sink.getvalue()


def two_programs() -> bytes:
    """Packet by packet, as in a broadcast."""
    one = part(256).content
    other = part(300, muxing={"mpegts_service_id": "2", "mpegts_pmt_start_pid": "5000"}).content
    return b"".join(content[at : at + PACKET] for at in range(0, len(one), PACKET) for content in (one, other))


@pytest.mark.parametrize("make", [two_streams, two_programs])
def test_cameras_side_by_side_are_two_videos(make: Callable[[], bytes]) -> None:
    report = probed(File(make()))
    assert report.media is not None
    assert report.index is not None
    assert report.media.frames == FIRST
    assert report.index.pids is UNSET


def test_video_that_goes_on_in_another_codec_is_not_passed_over_in_silence() -> None:
    media = probed(File(part(256).content + part(300, codec="mpeg2video").content)).media
    assert media is not None
    assert media.frames == FIRST
    assert "another codec" in (media.damage or "")


def test_the_process_that_may_open_nothing_reads_it_too(tmp_path: Path) -> None:
    content = part(256).content + part(300, SECOND).content
    storage = LocalStorage(tmp_path)
    with storage.create("videos/x/content") as sink:
        sink.write(content)
    assert probe(storage, Settings(storage_dir=str(tmp_path)), "videos/x/content") == probed(File(content))
