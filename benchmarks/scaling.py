"""One detector and two, each on a core of its own: how much faster the job is done.

    make bench-scaling [PAIRS=n] [FRAMES=n], BENCH=full for more and longer ones

Two embedded services stand side by side, one with one detector and one with two; jobs of the same video go to them in
turn. Every thread of a detector, decoding and inference alike, is confined to one core: else one detector alone
already uses more than one. What is found must be the same.
"""

import os
import sys
import tempfile
from pathlib import Path

import psutil

from benchmarks import clip
from benchmarks.contenders import OfService, Run
from benchmarks.detect import same
from benchmarks.report import full, record, spread, table, told
from tests.support.deployments.embedded import Embedded
from tests.support.measuring.ratio import ratio, rounds

TARGET = 1.9


def confine(service: Embedded) -> None:
    """Each detector's processes, with all their threads, to one core each."""
    cores = sorted(os.sched_getaffinity(0))
    detectors = [one for one in service.processes(r"detector\.worker") if not _is_child_of_detector(one)]
    assert len(detectors) <= len(cores), "there are fewer cores than detectors"
    for core, detector in zip(cores, detectors, strict=False):
        for process in (detector, *detector.children(recursive=True)):
            for thread in process.threads():
                os.sched_setaffinity(thread.id, {core})


def _is_child_of_detector(process: psutil.Process) -> bool:
    parent = process.parent()
    return parent is not None and "detector.worker" in " ".join(parent.cmdline())


def measure(video: Path, folder: Path, count: int) -> tuple[list[Run], list[Run]]:
    """Runs with one detector, and with two."""
    contenders = []
    for workers in (1, 2):
        settings = {"PRECISION": "fp32", "DETECTOR_WORKERS": workers, "DETECTOR_THREADS": 1}
        contenders.append(OfService(f"{workers}", Embedded(folder / f"data-{workers}", **settings).start()))
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    try:
        for contender in contenders:
            confine(contender.service)
            contender.run(video)

        def run(contender: OfService) -> None:
            done = contender.run(video)
            runs[contender.name].append(done)
            print(f"  {contender.name} detectors: {done.fps:.1f} frames/s", file=sys.stderr)

        rounds(contenders, count, run)
    finally:
        for contender in contenders:
            contender.close()
    return runs["1"], runs["2"]


def main(pairs: int, frames: int) -> None:
    """Entry point."""
    with tempfile.TemporaryDirectory(prefix="bench-scaling-") as name:
        video = clip.things(Path(name) / "576p.mp4", frames, (768, 576))
        one, two = measure(video, Path(name), pairs)
    assert all(same(run.found, one[0].found) for run in (*one, *two)), "two detectors find something else than one"
    gain = ratio([run.fps for run in two], [run.fps for run in one])
    print(f"\n768x576, {frames} frames, {pairs} rounds, a core for each detector")
    rows = [(name, told([run.fps for run in runs])) for name, runs in (("1", one), ("2", two))]
    table(("detectors", "frames/s"), rows)
    print(f"2 to 1: {gain}; target {TARGET}")
    figures = {"one": spread([run.fps for run in one]), "two": spread([run.fps for run in two])}
    record("scaling", {"frames": frames, **figures, "gain": gain.figures()})


if __name__ == "__main__":
    main(
        int(os.environ.get("PAIRS") or (6 if full() else 3)),
        int(os.environ.get("FRAMES") or (2000 if full() else 400)),
    )
