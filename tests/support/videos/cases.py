"""The videos and pictures of tests/cases, and what is right for each."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import av
from av.video.frame import VideoFrame

from tests.support.deployments.service import ROOT
from tests.support.videos.formats import File

CHANGES_PID = "clocks/ts_pid_changes.ts"
FOLDER = ROOT / "tests/cases"
_EACH_SIXTH = [40.0 * (number - (number + 2) // 6) for number in range(48)]


@dataclass(frozen=True)
class Case:
    """facts: what media says, besides frames. times: of the frames, in ms; None for one each 40 ms."""

    frames: int
    facts: dict[str, Any] = field(default_factory=dict)
    times: list[float] | None = None

    @property
    def times_ms(self) -> list[float]:
        return self.times or [number * 40.0 for number in range(self.frames)]


def _restarted(**facts: Any) -> Case:
    return Case(72, {"duration_ms": 2880.0, "fps": 25.0, "width": 320, "height": 240, **facts})


def _doubled(frames: int, number: int) -> list[float]:
    """The time of the frame before, at one number."""
    return [40.0 * (at - (at == number)) for at in range(frames)]


def _picture(width: int, height: int, **facts: Any) -> Case:
    return Case(1, {"width": width, "height": height, "duration_ms": 0.0, "fps": 0.0, **facts})


READ: dict[str, Case] = {
    "clocks/ts_clock_restarts.ts": _restarted(start_ms=1400.0),
    "clocks/ts_clock_goes_back.ts": _restarted(start_ms=101400.0),
    CHANGES_PID: _restarted(start_ms=1400.0),
    "clocks/flv_clock_restarts.flv": _restarted(),
    "clocks/times_repeat.mp4": Case(48, {"duration_ms": 1600.0}, _EACH_SIXTH),
    "clocks/b_frames_one_time_repeats.mkv": Case(48, {"duration_ms": 1920.0}, _doubled(48, 20)),
    "clocks/b_frames_one_duration_is_0.mp4": Case(48, {"duration_ms": 1920.0}, _doubled(48, 20)),
    "clocks/fields_in_one_packet.ts": Case(24, {"fps": 25.0, "duration_ms": 960.0}),
    "clocks/fields_in_two_packets.mp4": Case(24, {"fps": 25.0, "duration_ms": 960.0}),
    "clocks/all_flagged_as_keyframes.mp4": Case(52, {"fps": 25.0, "duration_ms": 2080.0}),
    "clocks/h264_in_program_stream.mpg": Case(48, {"fps": 25.0, "duration_ms": 1920.0}),
    "clocks/frames_share_a_block.ts": Case(48, {"fps": 25.0, "duration_ms": 1920.0}),
    "clocks/one_frame_an_hour.mkv": Case(
        12, {"fps": 0.000278, "duration_ms": 43_200_000.0}, [3_600_000.0 * number for number in range(12)]
    ),
    "clocks/starts_at_7_hours.ts": Case(48, {"fps": 25.0, "duration_ms": 1920.0, "start_ms": 24_550_400.0}),
    "pictures/untagged_hd.mp4": Case(1, {"width": 1280, "height": 720, "fps": 25.0, "duration_ms": 40.0}),
    "pictures/hlg.mp4": Case(1, {"width": 1280, "height": 720, "codec": "hevc"}),
    "pictures/hlg_reference.png": _picture(360, 270),
    "pictures/mirrored.mp4": Case(24, {"width": 320, "height": 240, "rotation": 0, "mirrored": True}),
    "pictures/turned_and_mirrored.mp4": Case(24, {"width": 240, "height": 320, "rotation": 270, "mirrored": True}),
    "pictures/wide_pixels_turned.mp4": Case(
        24, {"width": 240, "height": 180, "rotation": 90, "pixel_aspect": "9:16", "mirrored": False}
    ),
    "pictures/tiles.heic": _picture(1024, 768, codec="hevc"),
    "pictures/tiles_turned.heic": _picture(768, 1024, rotation=90),
    "pictures/one_piece.heic": _picture(1024, 768),
    "pictures/preview_first.mp4": Case(48, {"width": 480, "height": 360, "fps": 25.0}),
    "pictures/raw.h264": Case(48, {"fps": 25.0, "fps_source": "stream", "duration_ms": 1920.0}),
    "pictures/size_changes.webm": Case(72, {"frame_sizes": [[160, 120], [480, 360], [320, 180]]}),
    "pictures/gets_smaller.ts": Case(48, {"width": 480, "height": 360, "frame_sizes": [[480, 360], [160, 120]]}),
}
REFUSED = {
    "pictures/broadcast.mxf": r"MXF.*ffmpeg -i in\.mxf",
    "pictures/encrypted.mp4": r"it is encrypted.*-decryption_key",
}


@cache
def file(name: str) -> File:
    """One of the files."""
    return File((FOLDER / name).read_bytes())


@cache
def plain(name: str) -> list[VideoFrame]:
    """The frames that a plain decode of the stream that PyAV calls the best gives; where its PID changes, of both."""
    with av.open(file(name).source(), "r") as container:
        best: Any = container.streams.best("video")
        streams = list(container.streams.video) if name == CHANGES_PID else [best]
        frames: dict[int, list[Any]] = {stream.index: [] for stream in streams}
        for packet in container.demux(streams):
            frames[packet.stream.index] += packet.decode()
        return [frame for part in frames.values() for frame in part]
