"""Jobs that infer some frames only, against the same job with all frames inferred: what they keep, and what they cost.

    make bench-adaptive [CLIPS="street-10 still"] [MODES="balanced"], BENCH=full for clips twice as long

Clips of benchmarks/scenes.py and the sample, cut into chunks as the service does, through the detector's loop with the
bundled model in fp32. inferred: share of the frames. kept: of the boxes that all frames give with a score of 0.4 or
more (in brackets: 0.5), the share that has a box of the same label, half of both in common, in the same frame;
precision: the other way. CPU: seconds of all processes, all frames by the mode's; the machine may be busy.
"""

import io
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from msgspec import UNSET
from msgspec.structs import replace

from benchmarks.clip import SAMPLE
from benchmarks.inprocess import cpu, fork_server
from benchmarks.report import full, record, table
from benchmarks.scenes import SCENES, encode
from contracts.models.catalogue import Model, bundled
from contracts.results.codec import SCORE_SCALE, Block, concat
from contracts.wire.messages import Chunk, Filling, Options, Plan
from detector.adaptive.inference import AdaptiveInference
from detector.decode.parent import Decoders
from detector.engine import Engine, EngineConfig
from detector.engines.loaded import Engines
from detector.inference import Callbacks, Inference
from processor.core.chunk_messages import chunks
from processor.core.cutting import ADAPTIVE_FRAMES, Cutter
from processor.probe.child import Limits, inspect
from tests.support.detecting import OneVideo
from tests.support.measuring.matching import matched

MIN_SCORE = 0.4
# Name: scene, frames a second, seconds, and what balanced should reach: inferred at most, kept, precision, CPU.
CLIPS: dict[str, tuple[str, int, float, tuple[float, float, float, float]]] = {
    "street-10": ("street", 10, 40, (0.22, 0.98, 0.965, 3.5)),
    "street-30": ("street", 30, 20, (0.085, 0.975, 0.965, 7)),
    "still": ("still", 10, 120, (0.04, 0.99, 0.99, 8)),
    "hand": ("hand", 25, 20, (0.15, 0.98, 0.96, 4)),
    "cuts": ("cuts", 25, 20, (0.15, 0.98, 0.96, 4)),
    "sample": ("", 25, 0, (0.15, 0.98, 0.96, 4)),
}


@dataclass(frozen=True)
class Result:
    """Of a clip: its boxes, and the seconds of the processor."""

    block: Block
    seconds: float

    @property
    def inferred(self) -> float:
        """The share of the frames."""
        return 1 - float(np.count_nonzero(self.block.is_filled)) / len(self.block)


def planned(content: bytes, model: Model, filling: Filling | None) -> tuple[Chunk, ...]:
    """The chunks of a video as the processor cuts them for adaptive jobs."""
    report = inspect(io.BytesIO(content), Limits(max_frame_pixels=10**8, max_frames=10**7, max_pixels=10**15))
    assert report.media is not None
    assert report.index is not None
    options = replace(Options(min_score=MIN_SCORE), frames=filling or UNSET)
    plan = Plan(model.id, model.digest(), model.engine, "fp32", options)
    spans = Cutter(report.index).cut(*ADAPTIVE_FRAMES)
    return chunks(spans, report.media, report.index, plan, "bench", "video")


def measure(content: bytes, model: Model, engine: Engine, decoders: Decoders, filling: Filling | None) -> Result:
    """A clip in a mode; None infers all frames."""
    kind = Inference if filling is None else AdaptiveInference
    callbacks = Callbacks(lambda index, frames, seconds: None, lambda: False)
    blocks, spent = [], cpu()
    for chunk in planned(content, model, filling):
        with kind(chunk, model, OneVideo(io.BytesIO(content)), nullcontext(decoders)) as inference:
            blocks += [outcome.block for outcome in inference.outcomes(engine, callbacks)]
    return Result(concat(blocks), cpu() - spent)


def _sure(block: Block, score: float) -> Block:
    return block.keep(block.score >= score * SCORE_SCALE, drop_empty=False)


def main(names: list[str], modes: list[Filling]) -> None:
    """Entry point."""
    model = bundled("nanodet-g")
    engine = Engines(Path("detector/models"), EngineConfig()).get(model, "fp32")
    rows, figures = [], {}
    with tempfile.TemporaryDirectory(prefix="bench-adaptive-") as folder, fork_server() as decoders:
        for name in names:
            scene, rate, seconds, target = CLIPS[name]
            path = Path(folder) / f"{name}.mp4"
            if scene:
                encode(path, SCENES[scene](rate, seconds * (2 if full() else 1)), rate)
            content = (path if scene else SAMPLE).read_bytes()
            every = measure(content, model, engine, decoders, None)
            for mode in modes:
                some = measure(content, model, engine, decoders, mode)
                kept = [
                    matched(_sure(every.block, score), some.block, MIN_SCORE) for score in (MIN_SCORE, MIN_SCORE + 0.1)
                ]
                precision = matched(some.block, every.block, MIN_SCORE)
                faster = every.seconds / some.seconds
                aims = [*target] if mode == "balanced" else []
                rows.append(
                    (f"{name}, {mode}", len(every.block), f"{some.inferred:.1%}", f"{kept[0]:.1%} ({kept[1]:.1%})",
                     f"{precision:.1%}", f"{faster:.1f}x", " / ".join(f"{aim:g}" for aim in aims))
                )  # fmt: skip
                figures[f"{name}, {mode}"] = {
                    "frames": len(every.block),
                    "inferred": round(some.inferred, 4),
                    "kept": [round(share, 4) for share in kept],
                    "precision": round(precision, 4),
                    "cpu": round(faster, 2),
                    "cpu_seconds": [round(every.seconds, 2), round(some.seconds, 2)],
                    "target": aims,
                }
    table(("clip, mode", "frames", "inferred", "kept (of 0.5)", "precision", "CPU saved", "target of balanced"), rows)
    record("adaptive", figures)


if __name__ == "__main__":
    main(
        (sys.argv[1] or " ".join(CLIPS)).split(), [mode for mode in get_args(Filling) if mode in (sys.argv[2] or mode)]
    )
