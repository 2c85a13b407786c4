"""The probe's own process: what it reports, and that it holds its limits."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from contracts.settings import Settings
from contracts.storage import LocalStorage
from processor.probe import probe

KEY = "videos/x/content"


def stored(tmp_path: Path, content: bytes) -> Settings:
    with LocalStorage(tmp_path).create(KEY) as sink:
        sink.write(content)
    return Settings(storage_dir=str(tmp_path))


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
    assert "64x48" in str(probe(by_pixels, KEY).refused)
    assert "more than 29 frames" in str(probe(by_frames, KEY).refused)


def test_a_reader_that_dies_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = stored(tmp_path, clip(tmp_path / "a.mp4", [40] * 3))
    (tmp_path / "bin").mkdir()
    broken = tmp_path / "bin/python"
    broken.write_text("#!/bin/sh\nkill -SEGV $$\n")
    broken.chmod(0o755)
    monkeypatch.setattr("processor.probe.sys.executable", str(broken))
    assert "damaged" in str(probe(settings, KEY).refused)


def test_a_reader_that_hangs_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = stored(tmp_path, b"x")
    (tmp_path / "bin").mkdir()
    slow = tmp_path / "bin/python"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o755)
    monkeypatch.setattr("processor.probe.sys.executable", str(slow))
    limited = Settings(storage_dir=settings.storage_dir, probe_timeout_seconds=1)
    assert "longer than 1 s" in str(probe(limited, KEY).refused)


def test_avi_with_reordered_frames_is_timed_by_decoding(tmp_path: Path) -> None:
    content = clip(tmp_path / "b.avi", [40] * 30, bf="2", b_strategy="0")
    index = probe(stored(tmp_path, content), KEY).index
    assert index is not None
    assert index.clock == "dts"
    assert len(set(index.dts)) == len(index.dts)
