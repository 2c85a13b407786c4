"""Jobs that infer some frames only, against the same job with all frames inferred: what they keep, and what they cost.

    make bench-adaptive [CLIPS="street-10 still"] [MODES="balanced"] [PAIRS=n] [SECONDS=n], BENCH=full for longer clips
and all modes

Clips of benchmarks/scenes.py and the sample through the embedded service with the bundled model in fp32, in rounds of
changing order. inferred: share of the frames. kept: of the boxes that all frames give with a score of 0.4 or more (in
brackets: 0.5), the share that has a box of the same label, half of both in common, in the same frame; precision: the
other way (in brackets: with a box of 0.2 or more: the model sees it there, and is less sure). neighbour: of the boxes
of all frames, the share that the next frame has too. CPU: seconds of all processes, and those that jobs say that their
detectors took, all frames by the mode's, pair by pair, with 95 % confidence.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from benchmarks.clip import SAMPLE
from benchmarks.contenders import OfService, Run
from benchmarks.report import full, record, spread, table
from benchmarks.scenes import SCENES, encode
from contracts.results.codec import SCORE_SCALE, Block
from contracts.wire.messages import Filling
from tests.support.deployments.embedded import Embedded
from tests.support.measuring.matching import matched
from tests.support.measuring.ratio import ratio, rounds

MIN_SCORE, SURE, LOW = 0.4, 0.5, 0.2
# Name: scene, frames a second, seconds, and what balanced should reach: inferred at most, kept, precision, CPU.
CLIPS: dict[str, tuple[str, int, float, tuple[float, float, float, float]]] = {
    "street-10": ("street", 10, 40, (0.22, 0.98, 0.965, 3.5)),
    "street-30": ("street", 30, 20, (0.085, 0.975, 0.965, 7)),
    "still": ("still", 10, 120, (0.04, 0.99, 0.99, 8)),
    "hand": ("hand", 25, 20, (0.15, 0.98, 0.96, 4)),
    "cuts": ("cuts", 25, 20, (0.15, 0.98, 0.96, 4)),
    "sample": ("", 25, 0, (0.15, 0.98, 0.96, 4)),
    "noise": ("noise", 25, 10, (1, 0, 0, 0.97)),
    "flashes": ("flashes", 25, 10, (1, 0, 0, 0.97)),
}
_SHORT_SECONDS = 2.0


def made(folder: Path, name: str, seconds: float) -> Path:
    """A clip; seconds: at most, 0 for all that it has."""
    scene, rate, length, _ = CLIPS[name]
    if not scene:
        return SAMPLE
    wanted = min(seconds or length, length) * (2 if full() else 1)
    return encode(folder / f"{name}-{wanted:g}.mp4", SCENES[scene](rate, wanted), rate)


def measured(contenders: Sequence[OfService], video: Path, pairs: int) -> dict[str, list[Run]]:
    """The runs of each contender by name, in rounds."""
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}

    def run(contender: OfService) -> None:
        runs[contender.name].append(contender.run(video))

    rounds(contenders, pairs, run)
    return runs


def figures_of(every: list[Run], some: list[Run], contenders: tuple[OfService, OfService]) -> dict[str, Any]:
    """Of one mode. every: runs with all frames, in the same rounds as the mode's. contenders: who made them."""
    whole, found = every[0].found, some[0].found
    sure = _sure(whole, MIN_SCORE)
    jobs = [contender.jobs[-len(some) :] for contender in contenders]
    seconds = [[job["detector_cpu_seconds"] for job in of_one] for of_one in jobs]
    return {
        "frames": len(whole),
        "inferred": jobs[1][0]["frames_inferred"] / len(whole),
        "kept": [matched(_sure(whole, score), found, MIN_SCORE) for score in (MIN_SCORE, SURE)],
        "precision": [matched(_sure(found, MIN_SCORE), whole, score) for score in (MIN_SCORE, LOW)],
        "neighbour": matched(sure.slice(0, len(whole) - 1), sure.slice(1, len(whole)), MIN_SCORE),
        "cpu": ratio([one.cpu for one in every], [one.cpu for one in some]).figures(),
        "cpu_of_detectors": ratio(*seconds).figures(),
        "cpu_seconds": [spread([one.cpu for one in runs], 2) for runs in (every, some)],
    }


def row(name: str, figures: dict[str, Any], target: str) -> tuple[object, ...]:
    """A line of the table."""
    kept, precision = figures["kept"], figures["precision"]
    saved = [
        f"{of['median']:.2f}x ({of['low']:.2f} to {of['high']:.2f})"
        for of in (figures["cpu"], figures["cpu_of_detectors"])
    ]
    return (
        name, figures["frames"], f"{figures['inferred']:.1%}", f"{kept[0]:.1%} ({kept[1]:.1%})",
        f"{precision[0]:.1%} ({precision[1]:.1%})", f"{figures['neighbour']:.1%}", *saved, target,
    )  # fmt: skip


def _sure(block: Block, score: float) -> Block:
    return block.keep(block.score >= score * SCORE_SCALE, drop_empty=False)


def main(names: list[str], modes: list[Filling], pairs: int, seconds: float) -> None:
    """Entry point."""
    rows, figures = [], {}
    with tempfile.TemporaryDirectory(prefix="bench-adaptive-") as name:
        folder = Path(name)
        service = Embedded(folder / "data", PRECISION="fp32").start()
        every = OfService("all", service, options={"min_score": LOW})
        contenders = [
            every,
            *(OfService(mode, service, options={"min_score": MIN_SCORE, "frames": mode}) for mode in modes),
        ]
        try:
            warm = made(folder, names[0], _SHORT_SECONDS)
            for contender in contenders:
                contender.run(warm)
            for clip in names:
                video = made(folder, clip, seconds)
                runs = measured(contenders, video, pairs)
                target = CLIPS[clip][3]
                for contender in contenders[1:]:
                    title = f"{clip}, {contender.name}"
                    found = figures_of(runs["all"], runs[contender.name], (every, contender))
                    aims = " / ".join(f"{aim:g}" for aim in target) if contender.name == "balanced" else ""
                    print(title, found, file=sys.stderr)
                    rows.append(row(title, found, aims))
                    figures[title] = found
        finally:
            service.stop()
    head = (
        "clip, mode", "frames", "inferred", "kept (of 0.5)", "precision (0.2)", "neighbour", "CPU saved",
        "of detectors", "target of balanced",
    )  # fmt: skip
    table(head, rows)
    record("adaptive", {"pairs": pairs, "load": os.getloadavg(), "clips": figures})


if __name__ == "__main__":
    main(
        (sys.argv[1] or " ".join(CLIPS)).split(),
        [mode for mode in get_args(Filling) if mode in (sys.argv[2] or (mode if full() else "balanced"))],
        int(os.environ.get("PAIRS") or (5 if full() else 2)),
        float(os.environ.get("SECONDS") or 0),
    )
