"""What decoding costs where a whole video is one group of pictures: all its chunks and runs, against one plain pass.

    python -m benchmarks.longgroup [FRAMES...]

Videos of 64x48 with one keyframe, cut as the processor does and decoded as detectors do, each run in one go, by one
process without a model. Seconds of the processor.
"""

import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from msgspec import UNSET

from benchmarks import clip
from benchmarks.long_jobs.bigjob import CHUNK_SIZE
from benchmarks.report import table
from contracts.wire.messages import Chunk, Options, Plan
from contracts.wire.runs import runs
from detector.decode.frames import decode
from processor.core.chunk_messages import chunks
from processor.core.cutting import FIRST_FRAMES, LAST_FRAMES, Cutter
from processor.probe.child import Limits, inspect

FRAMES = (3000, 12_000, 48_000, 200_000)
JOB = "6a1f4d36-32a3-4d0c-9a5e-5f0a3a3f7a10"


def messages(video: Path) -> tuple[list[Chunk], list[Chunk]]:
    """The messages for a video: as it is cut, and with all frames in one."""
    with video.open("rb") as source:
        report = inspect(source, Limits(max_frame_pixels=10**8, max_frames=10**7, max_pixels=10**14))
    assert report.media is not None
    assert report.index is not None
    cutter = Cutter(report.index)
    plan = Plan("none", "0", "none", "fp32", Options())
    cuts = (cutter.cut(CHUNK_SIZE, FIRST_FRAMES, LAST_FRAMES), cutter.cut(10**9))
    cut, whole = (list(runs(chunks(spans, report.media, report.index, plan, JOB, JOB))) for spans in cuts)
    return cut, [chunk for chunk in whole if chunk.lengths is UNSET]


def seconds(video: Path, planned: Iterable[Chunk], frames: int) -> float:
    """The processor's seconds that decoding takes. All frames have to come."""
    began, found = time.process_time(), 0
    for message in planned:
        with video.open("rb") as source:
            found += sum(1 for _ in decode(source, message))
    assert found == frames, found
    return time.process_time() - began


def main(lengths: list[int]) -> None:
    """Entry point."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-groups-") as name:
        for frames in lengths:
            video = clip.encode(Path(name) / f"{frames}.mp4", frames, (64, 48), group=10**9)
            cut, whole = messages(video)
            assert len(whole) == 1
            before, spent, after = (seconds(video, planned, frames) for planned in (whole, cut, whole))
            once = (before + after) / 2
            rows.append((f"{frames:,}", len(cut), f"{once:.2f}", f"{spent:.2f}", f"{spent / once:.2f}"))
    table(("frames", "messages", "one pass, s", "as it is cut, s", "times"), rows)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or list(FRAMES))
