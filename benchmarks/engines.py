"""The engines and their threads beside each other, and what another precision changes.

    make bench-engines [PAIRS=n] [FRAMES=n], BENCH=full for more and longer ones

In one process, the detector's own loop, the default model: each engine for CPUs, with as many inference threads as
there are cores and with fewer, in rounds of changing order. Then each precision that this machine has, held
against fp32, in rounds too: the share of boxes that stay, by how much the scores move, and the CPU time of a frame.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from benchmarks import clip
from benchmarks.contenders import Run
from benchmarks.inprocess import fork_server, once, whole
from benchmarks.report import full, record, spread, table, told
from contracts.errors import ModelBroken, PrecisionUnavailable
from contracts.models.catalogue import Catalogue, Model
from contracts.wire.messages import Options
from detector.decode.parent import Decoders
from detector.engine import PRECISIONS, Engine, EngineConfig
from detector.engines.loaded import Engines
from detector.engines.registry import for_files
from tests.support.measuring.matching import matched, score_difference
from tests.support.measuring.ratio import ratio, rounds

LEAST_MATCHED = 0.98


@dataclass(frozen=True)
class Variant:
    """An engine with so many threads."""

    name: str
    model: Model
    engine: Engine


def variants(model: Model, folder: Path) -> list[Variant]:
    """Each engine with all cores, and with one less."""
    cores = len(os.sched_getaffinity(0))
    made = []
    for name in for_files(".onnx"):
        for threads in dict.fromkeys((cores, max(1, cores - 1))):
            other = replace(model, engine=name)
            engine = Engines(folder, EngineConfig(threads=threads)).get(other, "fp32")
            made.append(Variant(f"{name}, {threads} threads", other, engine))
    return made


def speeds(model: Model, folder: Path, video: Path, decoders: Decoders, count: int) -> dict[str, Any]:
    """Frames a second by variant, printed and for the record."""
    chunk = whole(video, model)
    all_of_them = variants(model, folder)
    runs: dict[str, list[Run]] = {variant.name: [] for variant in all_of_them}
    rounds(all_of_them, count, lambda one: runs[one.name].append(once(video, chunk, decoders, one.engine, one.model)))
    first = runs[all_of_them[0].name]
    rows, figures = [], {}
    for name, done in runs.items():
        assert matched(first[0].found, done[0].found) >= LEAST_MATCHED, f"{name} finds something else"
        speed = ratio([one.fps for one in done], [one.fps for one in first])
        rows.append((name, told([one.fps for one in done]), speed))
        figures[name] = {"fps": spread([one.fps for one in done]), "speed_to_first": speed.figures()}
    table(("engine", "frames/s", "speed to the first"), rows)
    return figures


def precisions(model: Model, folder: Path, video: Path, decoders: Decoders, count: int) -> dict[str, Any]:
    """What each precision changes and what it costs, printed and for the record."""
    # Low scores too, so that a box whose score falls is seen to fall, and not to vanish.
    chunk = whole(video, model, Options(min_score=0.3))
    engines = Engines(folder, EngineConfig())
    automatic = engines.get(model, "auto").describe().precision
    there = available(engines, model)
    runs: dict[str, list[Run]] = {precision: [] for precision in there}
    rounds([*there], count, lambda one: runs[one].append(once(video, chunk, decoders, there[one], model)))
    reference = runs["fp32"]
    rows, figures = [], {}
    for precision, done in runs.items():
        share = matched(reference[0].found, done[0].found)
        moved = score_difference(reference[0].found, done[0].found)
        assert precision != automatic or share >= LEAST_MATCHED, f"auto takes {precision}, which keeps {share:.4f}"
        cost = [run.cpu * 1000 / run.frames for run in done]
        saved = ratio([run.cpu / run.frames for run in reference], [run.cpu / run.frames for run in done])
        auto = "yes" if precision == automatic else ""
        rows.append((precision, f"{share:.4f}", f"{moved:.4f}", told(cost), saved, auto))
        figures[precision] = {
            "matched": round(share, 4),
            "score_difference": round(moved, 4),
            "cpu_ms": spread(cost),
            "cpu_saved": saved.figures(),
        }
    table(("precision", "boxes that stay", "median change of score", "CPU ms a frame", "CPU saved", "auto"), rows)
    return figures


def available(engines: Engines, model: Model) -> dict[str, Engine]:
    """The model's engine in each precision that this machine has, fp32 first; the others are told."""
    there = {}
    for precision in PRECISIONS:
        try:
            there[precision] = engines.get(model, precision)
        except (PrecisionUnavailable, ModelBroken) as error:
            print(f"{precision}: not here: {error.detail}")
    return there


def main(pairs: int, frames: int) -> None:
    """Entry point."""
    models = Path(os.environ.get("MODELS_DIR") or "data/models")
    model = Catalogue(models).get(os.environ.get("MODEL") or "nanodet-g")
    with tempfile.TemporaryDirectory(prefix="bench-engines-") as name, fork_server() as decoders:
        video = clip.things(Path(name) / "576p.mp4", frames, (768, 576))
        print(f"{model.id}, 768x576, {frames} frames, {pairs} rounds: median (least to most); 95 % confidence")
        speed = speeds(model, models, video, decoders, pairs)
        changed = precisions(model, models, video, decoders, pairs)
    record("engines", {"model": model.id, "frames": frames, "speeds": speed, "precisions": changed})


if __name__ == "__main__":
    main(
        int(os.environ.get("PAIRS") or (6 if full() else 2)),
        int(os.environ.get("FRAMES") or (1000 if full() else 200)),
    )
