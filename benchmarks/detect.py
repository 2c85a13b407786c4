"""The service beside loops that do without it: frames a second, and CPU seconds a frame.

    make bench-detect [PAIRS=n] [FRAMES=n] [LOOPS=bare], BENCH=full for 2,000 frames and more pairs

LOOPS=bare leaves out the loops by hand, which take longest.

All take the same model in fp32 over the same file, in rounds of changing order. The bare loop goes twice, as two:
the ratio of the two is what a ratio is worth here. Every run is checked frame by frame: the service must have found
exactly what the bare loop has; the loops by hand scale otherwise, and must agree in most boxes.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import clip
from benchmarks.contenders import Contender, Loop, OfService, Run
from benchmarks.report import ROOT, full, record, spread, table, told
from contracts.results.codec import Block
from tests.support.deployments.embedded import Embedded
from tests.support.measuring.matching import matched
from tests.support.measuring.ratio import ratio, rounds

SIZES = {"576p": (768, 576), "1080p": (1920, 1080)}
TARGETS = {"576p": 0.95, "1080p": 0.90}
_BY_HAND = ROOT / ".venv" / "bench" / "bin" / "python"
_AGREEING = 0.9
_GATE = 0.85
_WARM_UP_FRAMES = 100


def measure(contenders: list[Contender], video: Path, short: Path, count: int) -> dict[str, list[Run]]:
    """Runs by contender; before, each warms up on the short video."""
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        contender.run(short)

    def run(contender: Contender) -> None:
        done = contender.run(video)
        runs[contender.name].append(done)
        print(
            f"  {contender.name}: {done.fps:.1f} frames/s, {done.cpu / done.frames * 1000:.1f} ms CPU", file=sys.stderr
        )

    rounds(contenders, count, run)
    return runs


def check(runs: dict[str, list[Run]], frames: int) -> None:
    """All have seen all frames and found the same."""
    reference = runs["bare"][0].found
    for name, done in runs.items():
        for one in done:
            assert one.frames == frames, f"{name} saw {one.frames} frames of {frames}"
            if name.startswith(("bare", "service")):
                assert same(one.found, reference), f"{name} found something else than the bare loop"
            else:
                share = matched(reference, one.found)
                assert share >= _AGREEING, f"{name} agrees with the bare loop in {share:.3f} of the boxes"


def same(one: Block, other: Block) -> bool:
    """Whether two have found the same, to the last digit that is kept."""
    names = ("frame", "count", "class_id", "score", "box")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def told_of(runs: dict[str, list[Run]], size: str) -> dict[str, Any]:
    """Print the table of one size; what goes into the record."""
    bare = runs["bare"]
    rows, figures = [], {}
    for name, done in runs.items():
        speed = ratio([one.fps for one in done], [one.fps for one in bare])
        cost = ratio([one.cpu / one.frames for one in done], [one.cpu / one.frames for one in bare])
        each = [one.fps for one in done]
        milliseconds = [one.cpu / one.frames * 1000 for one in done]
        rows.append((name, told(each), *(("", "") if done is bare else (speed, cost)), told(milliseconds)))
        figures[name] = {
            "fps": spread(each),
            "cpu_ms_per_frame": spread(milliseconds),
            "speed_to_bare": speed.figures(),
            "cost_to_bare": cost.figures(),
        }
    print(f"\n{size}, {bare[0].frames} frames, {len(bare)} rounds: median (least to most); ratios with 95 % confidence")
    table(("", "frames/s", "speed to bare", "cost to bare", "CPU ms a frame"), rows)
    for name in set(runs) - {"bare", "bare again", "service"}:
        over = ratio([one.fps for one in runs["service"]], [one.fps for one in runs[name]])
        print(f"service to {name}: {over}")
        figures["service"][f"speed_to_{name.replace(' ', '_')}"] = over.figures()
    hour = figures["service"]["cpu_ms_per_frame"]["median"] * 3.6 * clip.RATE
    print(f"an hour of video at {clip.RATE} frames/s takes {hour:.0f} CPU seconds")
    return figures


def main(pairs: int, frames: int, sizes: list[str]) -> int:
    """Entry point: 1 when the service is slower than the gate allows."""
    slow = []
    with tempfile.TemporaryDirectory(prefix="bench-detect-") as name:
        folder = Path(name)
        service = Embedded(folder / "data", PRECISION="fp32").start()
        contenders: list[Contender] = [
            OfService("service", service),
            Loop("bare", folder, "benchmarks.loops.bare", "fp32", "0"),
            Loop("bare again", folder, "benchmarks.loops.bare", "fp32", "0"),
        ]
        if _BY_HAND.exists() and os.environ.get("LOOPS") != "bare":
            contenders.append(Loop("by hand", folder, "benchmarks.loops.byhand", python=str(_BY_HAND)))
            contenders.append(Loop("supervision", folder, "benchmarks.loops.supervised", python=str(_BY_HAND)))
        try:
            figures = {}
            for size in sizes:
                video = clip.things(folder / f"{size}.mp4", frames, SIZES[size])
                short = clip.things(folder / f"{size}-short.mp4", _WARM_UP_FRAMES, SIZES[size])
                runs = measure(contenders, video, short, pairs)
                check(runs, frames)
                figures[size] = told_of(runs, size)
                low = figures[size]["service"]["speed_to_bare"]["low"]
                print(f"service to bare: {low:.3f} at least; target {TARGETS[size]:.2f}")
                if figures[size]["service"]["speed_to_bare"]["median"] < _GATE:
                    slow.append(size)
        finally:
            for contender in contenders:
                contender.close()
    record("detect", {"frames": frames, "sizes": figures})
    if slow:
        print(f"too slow, below {_GATE} of the bare loop: {', '.join(slow)}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(
        main(
            int(os.environ.get("PAIRS") or (6 if full() else 3)),
            int(os.environ.get("FRAMES") or (2000 if full() else 400)),
            sys.argv[1:] or (list(SIZES) if full() else ["576p"]),
        )
    )
