"""What it costs to plan, to merge and to read a job of very many frames.

    make bench-merge [FRAMES=100000] [ROUNDS=1], BENCH=full for 1,000,000 frames in 3 rounds

The tables are SQLite's, the store is the Valkey of embedded mode, the storage is a folder. Each step is the
service's own code in a process of its own: the plan with the tasks that it sends (nobody takes them), the merge
from the store to the result file, and the reading of pages and lines from both. The result's bytes must be the
same in each round.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.long_jobs.bigjob import CHUNK_SIZE, Filled, fill, queue, settings_in
from benchmarks.report import ROOT, full, record, spread, table, told
from contracts.workers.celery_app import create_celery
from processor.worker import build
from tests.support.servers.valkey import Valkey

OBJECTS = 10
MOST_SECONDS, MOST_MB = 30, 300  # of a merge of 1,000,000 frames

Figures = dict[str, Any]


def measure(frames: int) -> tuple[Filled, dict[str, Figures]]:
    """One round: what was merged, and the figures of each step."""
    with tempfile.TemporaryDirectory(prefix="bench-merge-") as folder, Valkey(Path(folder)) as valkey:
        settings = settings_in(Path(folder), valkey.broker_url, valkey.url)
        job = queue(settings, frames)
        question = json.dumps({"settings": msgspec.to_builtins(settings), "job": job})
        steps = {"plan": step("plan", question)}
        filled = fill(build(settings, create_celery(settings)), job, OBJECTS)
        steps["merge"] = step("merge", question)
        steps["read"] = step("read", question)
    _check(steps["merge"], filled, frames)
    return filled, steps


def step(name: str, question: str, module: str = "benchmarks.long_jobs.merging") -> Figures:
    """What a module's step tells, run in a process of its own."""
    command = [sys.executable, "-m", module, name]
    answer = subprocess.run(command, cwd=ROOT, input=question, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(answer.stdout))


def _check(merged: Figures, filled: Filled, frames: int) -> None:
    """Every frame and every object is in the result, once."""
    assert merged["state"] == "succeeded", merged
    assert merged["summary"]["frames"] == filled.frames == frames
    counted = merged["summary"]["labels"].values()
    assert sum(label["detections"] for label in counted) == filled.objects == frames * OBJECTS


def main(frames: int, rounds: int) -> None:
    """Entry point."""
    done = [measure(frames) for _ in range(rounds)]
    filled, runs = done[0][0], [steps for _, steps in done]
    assert len({run["merge"]["sha256"] for run in runs}) == 1, "the same job gave other bytes"
    print(
        f"{frames:,} frames x {OBJECTS} objects in {filled.chunks:,} chunks of {CHUNK_SIZE}: {filled.stored / 1e6:.0f}"
        f" MB in the store, {runs[0]['merge']['bytes'] / 1e6:.0f} MB as a file; rounds: {rounds}"
    )
    columns: dict[str, list[float]] = {}
    for name in ("plan", "merge"):
        columns[f"{name}, s"] = [run[name]["seconds"] for run in runs]
        columns[f"{name}, MB before"] = [run[name]["before_mb"] for run in runs]
        columns[f"{name}, MB at most"] = [run[name]["peak_mb"] for run in runs]
    for name in runs[0]["read"]["pages"]:
        columns[f"{name}, ms"] = [1000 * value for run in runs for value in run["read"]["pages"][name]]
    for name in runs[0]["read"]["lines"]:
        lines = [run["read"]["lines"][name] for run in runs]
        columns[f"lines from {name}, a second"] = [item["lines"] / item["seconds"] for item in lines]
    columns["reading, MB at most"] = [run["read"]["peak_mb"] for run in runs]
    table(("what", "median (least to most)"), [(name, told(values, 2)) for name, values in columns.items()])
    if frames >= 1_000_000:
        kept = max(columns["merge, s"]) < MOST_SECONDS and max(columns["merge, MB at most"]) < MOST_MB
        print(f"target of the merge, {MOST_SECONDS} s and {MOST_MB} MB: {'met' if kept else 'MISSED'}")
    size = {"frames": frames, "objects": OBJECTS, "chunks": filled.chunks, "stored_bytes": filled.stored}
    record("merge", {**size, **{name: spread(values) for name, values in columns.items()}})


if __name__ == "__main__":
    main(int(sys.argv[1] or (1_000_000 if full() else 100_000)), int(sys.argv[2] or (3 if full() else 1)))
