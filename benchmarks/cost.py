"""What an hour of video costs: CPU-seconds of everything that takes part, by scene, precision, and how many frames are
inferred, next to the loops that people write by hand.

    make bench-cost [CLIPS="street-30 quiet-10"] [PAIRS=n] [SECONDS=n] [LOOPS=bare]; BENCH=full for longer ones

SECONDS: of each clip. LOOPS=bare leaves out the loops by hand. All contenders take turns in every round. The service's
figures are of all its processes, from the job's creation to its merged result; idle ones count too, so that a short
clip shows it as a little dearer than it is.
"""

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import clip
from benchmarks.contenders import Contender, Loop, OfService, Run
from benchmarks.detect import measure
from benchmarks.report import ROOT, full, record, spread, table
from benchmarks.scenes import SCENES, encode
from contracts.models import catalogue
from detector.engine import EngineConfig
from detector.engines import registry
from tests.support.deployments.embedded import Embedded
from tests.support.measuring.ratio import ratio

_BY_HAND = ROOT / ".venv" / "bench" / "bin" / "python"
_HOUR = 3600
_WARM_UP_SECONDS = 2.0

# Scene of benchmarks.scenes, and frames a second.
CLIPS = {"street-10": ("street", 10), "street-30": ("street", 30), "quiet-10": ("still", 10), "film-25": ("cuts", 25)}


def contenders_in(folder: Path, stack: ExitStack) -> list[Contender]:
    """All of them, ready; the stack ends them."""
    made: list[Contender] = []
    for precision in precisions():
        service = Embedded(folder / precision, PRECISION=precision).start()
        stack.callback(service.stop)
        made += [
            OfService(f"service, {frames}, {precision}", service, options={} if frames == "all" else {"frames": frames})
            for frames in ("all", "balanced")
        ]
    loops = [Loop("bare loop, fp32", folder, "benchmarks.loops.bare", "fp32", "0")]
    if _BY_HAND.exists() and os.environ.get("LOOPS") != "bare":
        loops += [
            Loop("OpenCV + ONNX Runtime, fp32", folder, "benchmarks.loops.byhand", python=str(_BY_HAND)),
            Loop("supervision + OpenVINO, fp32", folder, "benchmarks.loops.supervised", python=str(_BY_HAND)),
        ]
    for loop in loops:
        stack.callback(loop.close)
    return [*made, *loops]


def precisions() -> list[str]:
    """fp32, and int8 where the bundled model and this CPU have it."""
    model = catalogue.bundled("nanodet-g")
    there = registry.create(model.engine, EngineConfig()).precisions() if model.int8_file else set()
    return ["fp32", *(["int8"] if "int8" in there else [])]


def figures_of(contenders: list[Contender], runs: dict[str, list[Run]], seconds: float) -> dict[str, Any]:
    """By contender: CPU-seconds for an hour of video, that over what the first contender takes, and of the service how
    much its jobs say that the detectors took, and what share of the frames they inferred."""
    first = next(iter(runs.values()))
    found: dict[str, Any] = {}
    for contender in contenders:
        done = runs[contender.name]
        costs = [one.cpu / seconds * _HOUR for one in done]
        figures: dict[str, Any] = {
            "cpu_seconds_per_hour": spread(costs, 0),
            "to_first": ratio([one.cpu for one in done], [one.cpu for one in first]).figures(),
        }
        if isinstance(contender, OfService):
            jobs = contender.jobs[-len(done) :]
            told = [job["detector_cpu_seconds"] / one.cpu for job, one in zip(jobs, done, strict=True)]
            figures["told_by_jobs"] = spread(told)
            figures["inferred"] = jobs[-1]["frames_inferred"] / done[-1].frames
        found[contender.name] = figures
    return found


def tell(found: dict[str, dict[str, Any]]) -> None:
    """Print CPU-seconds for an hour of video as one table, with the share of inferred frames where it is not all."""
    names = list(next(iter(found.values())))
    rows = []
    for name in names:
        cells = []
        for by_name in found.values():
            figures = by_name[name]
            inferred = figures.get("inferred", 1.0)
            cost = f"{figures['cpu_seconds_per_hour']['median']:.0f}"
            cells.append(f"{cost} ({inferred:.1%})" if inferred < 1 else cost)
        rows.append((name, *cells))
    print("\nCPU-seconds for an hour of video (share of the frames inferred)")
    table(("", *found), rows)


def main(pairs: int, seconds: float, clips: list[str]) -> int:
    """Entry point."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-cost-") as name, ExitStack() as stack:
        folder = Path(name)
        contenders = contenders_in(folder, stack)
        for each in clips:
            print(each, file=sys.stderr)
            scene, rate = CLIPS[each]
            lengths = {"": seconds, "-short": _WARM_UP_SECONDS}
            video, short = (
                encode(folder / f"{each}{end}.mp4", SCENES[scene](rate, length), rate)
                for end, length in lengths.items()
            )
            runs = measure(contenders, video, short, pairs)
            frames = clip.count(video)
            assert all(one.frames == frames for done in runs.values() for one in done), "not all saw all frames"
            found[each] = figures_of(contenders, runs, seconds)
    tell(found)
    record("cost", {"seconds": seconds, "load": os.getloadavg(), "clips": found})
    return 0


if __name__ == "__main__":
    sys.exit(
        main(
            int(os.environ.get("PAIRS") or (5 if full() else 2)),
            float(os.environ.get("SECONDS") or (60 if full() else 12)),
            sys.argv[1:] or list(CLIPS),
        )
    )
