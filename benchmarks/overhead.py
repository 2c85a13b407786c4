"""What the detector's loop costs a frame beside the decoding, with an engine that answers at once.

    make bench-overhead [FRAMES=240] [ROUNDS=5], BENCH=full for 960 frames in 11 rounds

The same clip at 360p, 720p and 1080p, from memory, in one process; the ways take turns in an order of their own each
round. "decode" is a plain loop over av's frames with the decoder's settings of the service, "and scale" makes the
model's image of each besides, which every loop must; "run" is detector.inference on the whole clip as one chunk,
with the shapes and the head of the default model, and three objects in every frame. "cpu" is the time of all
threads, and of the process that decodes for "run". The plain loop goes twice: how far the two are apart is what a
difference is worth here.
"""

import io
import random
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

import av
import numpy as np

from benchmarks import clip
from benchmarks.inprocess import cpu, fork_server, whole
from benchmarks.report import full, record, spread, table, told
from contracts.models.catalogue import Model, bundled
from detector.decode.frames import ToImage
from detector.decode.parent import Decoders
from detector.engine import Engine, EngineConfig, EngineInfo
from detector.heads import nanodet
from detector.tensors import Image, Outputs, Shapes
from detector.view import view
from media.orientation import orientation_of
from tests.support.detecting import run

SIZES = {"360p": (640, 360), "720p": (1280, 720), "1080p": (1920, 1080)}
MOST_MS = 1.0

Times = dict[str, list[tuple[float, float]]]


def plain(content: bytes, convert: Callable[[av.VideoFrame], object] = lambda frame: None) -> int:
    """Decode all frames, as the detector sets its decoder."""
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        frames = 0
        for frame in container.decode(stream):
            convert(frame)
            frames += 1
    return frames


class Instant(Engine):
    """An engine that finds the same three objects in every image, in no time. See detector.engine.Engine."""

    def __init__(self) -> None:
        super().__init__(EngineConfig())

    def precisions(self) -> set[str]:
        return {"fp32"}

    def load(self, model: Model, path: Path) -> Shapes:
        shapes = nanodet.shapes(model)
        self._outputs = {
            role: np.zeros([length or 0 for length in shape], np.float32) for role, shape in shapes.items()
        }
        for place, class_id in ((100, 0), (1500, 2), (3000, 16)):
            self._outputs["scores"][place, class_id] = 0.8
        return shapes

    def run(self, images: Iterable[Image], *, masks: bool) -> Generator[Outputs, None, None]:
        for _ in images:
            yield self._outputs

    def describe(self) -> EngineInfo:
        return EngineInfo("instant", "1", "none", "none", "fp32")


def measure(path: Path, model: Model, decoders: Decoders, engine: Instant, rounds: int) -> Times:
    """Seconds of the clock and of the processor per frame, by way, in each round."""
    chunk, content = whole(path, model), path.read_bytes()
    to_image = ToImage(orientation_of(chunk), view(model, (chunk.width, chunk.height)), model.channels)

    def looked_at() -> int:
        outcome = run(chunk, io.BytesIO(content), decoders, engine, model, lambda frames, seconds: None, lambda: False)
        assert not outcome.missing
        return len(outcome.block)

    ways: dict[str, Callable[[], int]] = {
        "decode": lambda: plain(content),
        "and scale": lambda: plain(content, to_image),
        "run": looked_at,
        "decode again": lambda: plain(content),
    }
    times: Times = {name: [] for name in ways}
    order = random.Random(1)  # noqa: S311  (the same in every run)
    for number in range(rounds + 1):
        for name in order.sample(list(ways), len(ways)):
            wall, spent = time.perf_counter(), cpu()
            frames = ways[name]()
            wall, spent = time.perf_counter() - wall, cpu() - spent
            assert frames == len(chunk.times)
            if number:  # the first round warms up
                times[name].append((wall / frames, spent / frames))
    return times


def main(frames: int, rounds: int) -> None:
    """Entry point."""
    rows, figures = [], {}
    model, engine = bundled("nanodet-g"), Instant()
    engine.load(model, Path())
    with tempfile.TemporaryDirectory(prefix="bench-overhead-") as name, fork_server() as decoders:
        for label, size in SIZES.items():
            times = measure(clip.encode(Path(name) / "clip.mp4", frames, size), model, decoders, engine, rounds)
            for way, values in times.items():
                alone = [1000 * wall for wall, _ in values]
                over = _over(values, times["decode"], 0)
                beside = _over(values, times["and scale"], 0)
                cpu = _over(values, times["and scale"], 1)
                figures[f"{label}, {way}"] = {
                    "ms": spread(alone),
                    "over_decode_ms": spread(over),
                    "over_scaled_ms": spread(beside),
                    "over_scaled_cpu_ms": spread(cpu),
                }
                rows.append((f"{label}: {way}", *(told(each, 2) for each in (alone, over, beside, cpu))))
    print(f"{frames} frames, {rounds} rounds; ms a frame: median (least to most)")
    table(("way", "ms", "over decode", "over decode and scale", "the same, cpu"), rows)
    missed = [name for name, item in figures.items() if "run" in name and item["over_scaled_ms"]["median"] > MOST_MS]
    print(f"more than {MOST_MS:g} ms over decoding and scaling: {'; '.join(missed) or 'none'}")
    record("overhead", {"frames": frames, **figures})


def _over(values: list[tuple[float, float]], base: list[tuple[float, float]], which: int) -> list[float]:
    """By how many ms a way is above another, round by round."""
    return [1000 * (one[which] - other[which]) for one, other in zip(values, base, strict=True)]


if __name__ == "__main__":
    main(int(sys.argv[1] or (960 if full() else 240)), int(sys.argv[2] or (11 if full() else 5)))
