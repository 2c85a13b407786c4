"""What the detector's loop costs a frame beside the decoding, with a model that costs nothing.

    make bench-overhead [FRAMES=240] [ROUNDS=5], BENCH=full for 960 frames in 11 rounds

The same clip at 360p, 720p and 1080p, from memory, in one process; the ways take turns in an order of their own each
round. "decode" is a plain loop over av's frames with the decoder's settings of the service, "and scale" makes the
model's image of each besides, "run" is detector.inference.run on the whole clip as one chunk. "cpu" is the time of
all threads. The plain loop goes twice: how far the two are apart is what a difference is worth here.
"""

import io
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av

from benchmarks import clip, tiny
from benchmarks.report import full, record, spread, table, told
from contracts.catalogue import Model
from contracts.messages import Chunk, Options, Plan
from detector.base import Backend, EngineConfig
from detector.engines import Engines
from detector.frames import ToImage
from detector.inference import run
from detector.view import view
from processor.chunks import chunks
from processor.inspect import Limits, inspect
from processor.plan import cut

SIZES = {"360p": (640, 360), "720p": (1280, 720), "1080p": (1920, 1080)}
SIDES = (64, 416)  # of the model's input: next to nothing to scale to, and what usual models take
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


def whole(content: bytes, model: Model) -> Chunk:
    """The video as one chunk, planned by the service's own code."""
    report = inspect(io.BytesIO(content), Limits(10**8, 10**6))
    media, index = report.media, report.index
    assert media is not None
    assert index is not None
    plan = Plan(model.id, model.sha256, model.engine, "fp32", Options())
    (chunk,) = chunks(cut(index, 10**6), media, index, plan, "job", "video")
    return chunk


def measure(content: bytes, model: Model, backend: Backend, rounds: int) -> Times:
    """Seconds of the clock and of the processor per frame, by way, in each round."""
    chunk = whole(content, model)
    to_image = ToImage(chunk.rotation, view(model, (chunk.width, chunk.height)), model.channels)

    def looked_at() -> int:
        outcome = run(chunk, io.BytesIO(content), backend, model, lambda frames, seconds: None, lambda: False)
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
            wall, cpu = time.perf_counter(), time.process_time()
            frames = ways[name]()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            assert frames == len(chunk.times)
            if number:  # the first round warms up
                times[name].append((wall / frames, cpu / frames))
    return times


def main(frames: int, rounds: int) -> None:
    """Entry point."""
    rows, figures = [], {}
    with tempfile.TemporaryDirectory(prefix="bench-overhead-") as name:
        folder = Path(name)
        for side in SIDES:
            model = tiny.install(folder / str(side), side)
            backend = Engines(folder / str(side), EngineConfig()).get(model, "fp32")
            for label, size in SIZES.items():
                content = clip.encode(folder / "clip.mp4", frames, size).read_bytes()
                times = measure(content, model, backend, rounds)
                for way, values in times.items():
                    over = [
                        [1000 * (one[i] - base[i]) for one, base in zip(values, times["decode"], strict=True)]
                        for i in (0, 1)
                    ]
                    alone = [1000 * wall for wall, _ in values]
                    figures[f"{label}, {side} px, {way}"] = {
                        "ms": spread(alone),
                        "over_decode_ms": spread(over[0]),
                        "over_decode_cpu_ms": spread(over[1]),
                    }
                    rows.append((f"{label} to {side}x{side}: {way}", *(told(each, 2) for each in (alone, *over))))
    print(f"{frames} frames, {rounds} rounds; ms a frame: median (least to most)")
    table(("way", "ms", "over decode", "over decode, cpu"), rows)
    missed = [name for name, item in figures.items() if "run" in name and item["over_decode_ms"]["median"] > MOST_MS]
    print(f"more than {MOST_MS:g} ms over the decoding: {'; '.join(missed) or 'none'}")
    record("overhead", {"frames": frames, **figures})


if __name__ == "__main__":
    main(int(sys.argv[1] or (960 if full() else 240)), int(sys.argv[2] or (11 if full() else 5)))
