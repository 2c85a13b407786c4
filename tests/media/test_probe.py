"""The probe's own process: what it reports, and that it holds its limits."""

import io
import os
import socket
import struct
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, cast

import av
import numpy as np
import pytest
from av.stream import Disposition

from contracts.errors import DecodeFailed, StorageUnavailable
from contracts.settings.table import Settings, table
from contracts.storage.local import LocalStorage
from contracts.storage.open import open_storage
from contracts.storage.range_reader import RangeReader
from contracts.wire.messages import ProbeReport
from media.child_output import MESSAGE_BYTES, ChildKilled
from media.demuxers import MAX_STREAMS
from media.file_handover import handed
from media.seekable_video import Video
from processor.probe.ask import probe as probe_in
from tests.support.fakes import MemoryStorage

KEY = "videos/x/content"


def stored(tmp_path: Path, content: bytes) -> Settings:
    with LocalStorage(tmp_path).create(KEY) as sink:
        sink.write(content)
    return Settings(storage_dir=str(tmp_path))


def probe(settings: Settings, key: str) -> ProbeReport:
    return probe_in(open_storage(settings), settings, key)


def clip(path: Path, gaps: list[int], **options: str) -> bytes:
    """A clip whose frames last as many ticks of 1/1000 s as the gaps say."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "5", **options})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        time = 0
        for gap in gaps:
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), time % 255, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, stream.codec_context.time_base
            container.mux(stream.encode(frame))
            time += gap
        container.mux(stream.encode())
    return path.read_bytes()


def test_a_constant_and_a_variable_rate_are_told_apart(tmp_path: Path) -> None:
    constant = probe(stored(tmp_path, clip(tmp_path / "c.mkv", [40] * 30)), KEY).media
    variable = probe(stored(tmp_path, clip(tmp_path / "v.mkv", [20, 60] * 15)), KEY).media
    assert constant is not None
    assert variable is not None
    assert (constant.variable_fps, variable.variable_fps) == (False, True)
    assert (constant.frames, constant.fps, constant.duration_ms) == (30, 25.0, 1200.0)
    assert (constant.container, constant.codec) == ("matroska", "h264")


def test_the_index_holds_every_packet_in_the_order_of_decoding(tmp_path: Path) -> None:
    content = clip(tmp_path / "b.mp4", [40] * 30, bf="2", b_strategy="0")
    index = probe(stored(tmp_path, content), KEY).index
    assert index is not None
    assert len(index.pts) == 30
    assert list(index.pts) != sorted(pts for pts in index.pts if pts is not None), (
        "nothing is reordered: the clip proves nothing"
    )
    with av.open(str(tmp_path / "b.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert list(index.pts) == [packet.pts for packet in packets]
    assert list(index.dts) == [packet.dts for packet in packets]
    assert list(index.keyframes) == [i for i, packet in enumerate(packets) if packet.is_keyframe]
    assert len(index.keyframes) >= 6
    assert index.clock == "pts"


def test_frames_that_are_too_large_or_too_many_are_refused(tmp_path: Path) -> None:
    settings = stored(tmp_path, clip(tmp_path / "a.mp4", [40] * 30))
    by_pixels = Settings(storage_dir=settings.storage_dir, max_frame_pixels=64 * 48 - 1)
    by_frames = Settings(storage_dir=settings.storage_dir, max_frames=29)
    by_all = Settings(storage_dir=settings.storage_dir, max_pixels=64 * 48 * 30 - 1)
    assert probe(Settings(storage_dir=settings.storage_dir, max_pixels=64 * 48 * 30), KEY).media is not None
    assert "30 frames have 64x48 pixels" in str(probe(by_all, KEY).refused)
    assert "64x48" in str(probe(by_pixels, KEY).refused)
    assert "more than 29 frames" in str(probe(by_frames, KEY).refused)


def test_a_reader_that_dies_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = stored(tmp_path, clip(tmp_path / "a.mp4", [40] * 3))
    (tmp_path / "bin").mkdir()
    broken = tmp_path / "bin/python"
    broken.write_text("#!/bin/sh\nkill -SEGV $$\n")
    broken.chmod(0o755)
    monkeypatch.setattr("processor.probe.ask.sys.executable", str(broken))
    assert "damaged" in str(probe(settings, KEY).refused)


def test_a_reader_that_is_killed_is_no_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = stored(tmp_path, b"x")
    (tmp_path / "bin").mkdir()
    killed = tmp_path / "bin/python"
    killed.write_text("#!/bin/sh\nkill -KILL $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr("processor.probe.ask.sys.executable", str(killed))
    with pytest.raises(ChildKilled):
        probe(settings, KEY)


def test_a_reader_that_hangs_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = stored(tmp_path, b"x")
    (tmp_path / "bin").mkdir()
    slow = tmp_path / "bin/python"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setattr("processor.probe.ask.sys.executable", str(slow))
    limited = Settings(storage_dir=settings.storage_dir, probe_timeout_seconds=1)
    assert "longer than 1 s" in str(probe(limited, KEY).refused)


@pytest.mark.parametrize(
    ("script", "reason"), [("exec yes", "more than a video of its size has"), ("yes >&2 & exec sleep 30", "longer")]
)
def test_a_reader_that_prints_without_end_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: str, reason: str
) -> None:
    settings = stored(tmp_path, b"x")
    (tmp_path / "bin").mkdir()
    chatty = tmp_path / "bin/python"
    chatty.write_text(f"#!/bin/sh\n{script}\n")
    chatty.chmod(0o755)
    monkeypatch.setattr("processor.probe.ask.sys.executable", str(chatty))
    limited = Settings(storage_dir=settings.storage_dir, probe_timeout_seconds=1)
    assert reason in str(probe(limited, KEY).refused)
    assert len(capsys.readouterr().err) <= MESSAGE_BYTES


class Apart(MemoryStorage):
    """A storage without files, whose reads fail after some bytes."""

    def __init__(self, content: bytes, good_bytes: int = 10**9) -> None:
        super().__init__()
        self.objects[KEY] = content
        self._good = good_bytes
        self.reads: list[tuple[int, int]] = []

    def open(self, key: str) -> BinaryIO:
        data = self.objects[key]

        def fetch(start: int, stop: int) -> bytes:
            self.reads.append((start, stop))
            if stop > self._good:
                raise ConnectionResetError("the line broke")
            return data[start:stop]

        return cast(BinaryIO, RangeReader(fetch, len(data)))


@pytest.mark.parametrize(
    "name", ["a.mp4", "a.ts", *(pytest.param(name, marks=pytest.mark.long) for name in ("a.mkv", "a.avi"))]
)
def test_a_storage_without_files_is_read_through_the_parent(tmp_path: Path, name: str) -> None:
    content = clip(tmp_path / name, [40] * 30)
    settings = stored(tmp_path, content)
    assert probe_in(Apart(content), settings, KEY) == probe(settings, KEY)
    assert (
        probe_in(Apart(b"no video" * 99), settings, KEY).refused
        == probe(stored(tmp_path, b"no video" * 99), KEY).refused
    )


def stretched(content: bytes, size: int) -> bytes:
    """An mp4 whose index stands at its end, after so many bytes that it does not name; any other file
    is made longer behind its end."""
    if b"moov" not in content:
        return content + bytes(size)
    index = content.rindex(b"moov") - 4
    return content[:index] + size.to_bytes(4, "big") + b"free" + bytes(size - 8) + content[index:]


def test_of_a_large_file_that_is_skipped_through_little_is_read(tmp_path: Path) -> None:
    content = clip(tmp_path / "a.mp4", [40] * 30)
    storage = Apart(stretched(content, 40_000_000))
    assert probe_in(storage, Settings(), KEY).media == probe(stored(tmp_path, content), KEY).media
    assert sum(stop - start for start, stop in storage.reads) < 8_000_000


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_a_line_that_breaks_is_no_refusal(tmp_path: Path, name: str, share: float) -> None:
    content = stretched(clip(tmp_path / name, [40] * 30), 9_000_000)
    storage = Apart(content, round(len(content) * share))
    with pytest.raises(StorageUnavailable, match="the line broke"):
        probe_in(storage, Settings(), KEY)


def test_a_disk_that_breaks_is_no_refusal(tmp_path: Path) -> None:
    path = tmp_path / KEY
    path.parent.mkdir(parents=True)
    path.symlink_to("/proc/self/mem")  # reading at its start is an input/output error
    with pytest.raises(StorageUnavailable, match="Input/output error"):
        probe(Settings(storage_dir=str(tmp_path)), KEY)


def test_a_file_that_is_gone_is_a_refusal(tmp_path: Path) -> None:
    assert "no longer there" in str(probe(Settings(storage_dir=str(tmp_path)), KEY).refused)


def test_the_reader_knows_no_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = stored(tmp_path, b"x")
    (tmp_path / "bin").mkdir()
    curious = tmp_path / "bin/python"
    curious.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen\n")
    curious.chmod(0o755)
    monkeypatch.setattr("processor.probe.ask.sys.executable", str(curious))
    for row in table():
        monkeypatch.setenv(row.variable, "hush-hush")
    probe(settings, KEY)
    seen = (tmp_path / "seen").read_text()
    assert "PATH=" in seen
    assert "hush" not in seen


@pytest.mark.parametrize("request_", [(0, 5_000_000), (2**63, 1), (90, 20)])
def test_a_reader_that_asks_for_nonsense_gets_nothing(request_: tuple[int, int]) -> None:
    with handed(io.BytesIO(bytes(100))) as descriptor, socket.socket(fileno=os.dup(descriptor)) as line:
        assert line.recv(8) == (100).to_bytes(8, "little")
        line.sendall(struct.pack("<QQ", 90, 10))
        assert line.recv(100) == bytes(10)
        line.sendall(struct.pack("<QQ", *request_))
        assert line.recv(100) == b""


def test_avi_with_reordered_frames_is_timed_by_decoding(tmp_path: Path) -> None:
    content = clip(tmp_path / "b.avi", [40] * 30, bf="2", b_strategy="0")
    index = probe(stored(tmp_path, content), KEY).index
    assert index is not None
    assert index.clock == "dts"
    assert len(set(index.dts)) == len(index.dts)


def test_more_streams_than_a_camera_or_an_editor_makes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mjpeg", rate=25) for _ in range(MAX_STREAMS + 1)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 16, 16, "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        for stream in streams:
            frame.pts = None
            container.mux(stream.encode(frame))
    settings = stored(tmp_path, path.read_bytes())
    assert f"{MAX_STREAMS + 1} streams" in str(probe(settings, KEY).refused)
    with pytest.raises(DecodeFailed, match="streams"), path.open("rb") as source:
        Video(source)


def two_streams(container: str, *, default: int, sound_seconds: int = 0) -> bytes:
    """A small preview before the film, of which one is the default; with sound before both."""
    sink = io.BytesIO()
    with av.open(sink, "w", format=container) as writer:
        sound = writer.add_stream("mp2", rate=48000) if sound_seconds else None
        streams = []
        for position, size in enumerate(((32, 24), (64, 48))):
            stream = writer.add_stream("mpeg2video", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.disposition = Disposition.default if position == default else Disposition(0)
            streams.append(stream)
        for number in range(sound_seconds * 50) if sound else ():
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.int16), format="s16", layout="mono")
            silence.sample_rate, silence.pts, silence.time_base = 48000, 960 * number, Fraction(1, 48000)
            writer.mux(sound.encode(silence))  # type: ignore[union-attr]
        for number in range(10):
            for stream in streams:
                image = np.full((stream.height, stream.width, 3), 20 * number, np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = 25 * sound_seconds + number, Fraction(1, 25)
                writer.mux(stream.encode(frame))
        for stream in streams:
            writer.mux(stream.encode())
    return sink.getvalue()


@pytest.mark.parametrize(
    ("container", "default", "width"),
    [("mp4", 1, 64), ("mp4", 0, 32), ("matroska", 1, 64), ("matroska", 0, 32), ("mpegts", 0, 64)],
)
def test_the_stream_that_a_player_shows_is_read_by_probe_and_decoder(
    tmp_path: Path, container: str, default: int, width: int
) -> None:
    """A transport stream marks none as default: the larger one counts."""
    content = two_streams(container, default=default)
    media = probe(stored(tmp_path, content), KEY).media
    assert media is not None
    assert (media.width, media.frames) == (width, 10)
    with closing(Video(io.BytesIO(content))) as video:
        assert video.stream.width == width


@pytest.mark.parametrize("container", ["mpegts", "mpeg"])
def test_a_film_that_begins_late_in_the_file_is_read(tmp_path: Path, container: str) -> None:
    content = two_streams(container, default=1, sound_seconds=10)
    with av.open(io.BytesIO(content)) as reader:
        assert not reader.streams.video[0].width, "its size is known from the start: the file proves nothing"
    media = probe(stored(tmp_path, content), KEY).media
    assert media is not None
    assert (media.width, media.frames) == (64, 10)
