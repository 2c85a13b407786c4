"""What it costs to look at a long result: plot it, scroll in it, jump to an appearance, keep it as a file.

    make bench-page [FRAMES=200000] [ROUNDS=5]

The job is that of make bench-merge, planned, filled and merged by the service's own code. The answers are made by the
api's, in a process of its own, from the store and from the result file, and must be the same from both.
"""

import json
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks.long_jobs.bigjob import fill, queue, settings_in
from benchmarks.long_jobs.merge import OBJECTS, Figures, step
from benchmarks.report import record, spread, table, told
from contracts.workers.celery_app import create_celery
from processor.worker import build
from tests.support.servers.valkey import Valkey

MOST_MS = 1000  # of a series: well below is what a page needs


def measure(frames: int, rounds: int) -> Figures:
    """The figures of all answers."""
    with tempfile.TemporaryDirectory(prefix="bench-page-") as folder, Valkey(Path(folder)) as valkey:
        settings = settings_in(Path(folder), valkey.broker_url, valkey.url)
        job = queue(settings, frames)
        question = json.dumps({"settings": msgspec.to_builtins(settings), "job": job, "rounds": rounds})
        step("plan", question)
        filled = fill(build(settings, create_celery(settings)), job, OBJECTS)
        merged = step("merge", question)
        assert merged["summary"]["frames"] == filled.frames == frames
        looked = step("look", question, "benchmarks.long_jobs.paging")
        kept = step("keep", question, "benchmarks.long_jobs.paging")
    return {"bytes": merged["bytes"], "looked": looked, "kept": kept}


def main(frames: int, rounds: int) -> None:
    """Entry point."""
    figures = measure(frames, rounds)
    looked, kept = figures["looked"], figures["kept"]
    print(f"{frames:,} frames x {OBJECTS} objects, {figures['bytes'] / 1e6:.0f} MB as a file; rounds: {rounds}")
    rows = [
        (name, *(told(looked["ms"][place][name]) for place in ("file", "store")), f"{size / 1e3:.1f}")
        for name, size in looked["bytes"].items()
    ]
    table(("answer", "from the file, ms", "from the store, ms", "kB"), rows)
    table(
        ("export", "s", "objects a second", "MB"),
        [
            (name, f"{item['seconds']:.1f}", f"{frames * OBJECTS / item['seconds']:,.0f}", f"{item['bytes'] / 1e6:.0f}")
            for name, item in kept["forms"].items()
        ],
    )
    print(f"memory: {looked['peak_mb']:.0f} MB at most for the answers, {kept['peak_mb']:.0f} MB for the exports")
    slowest = max(looked["ms"]["file"]["series"])
    print(f"a series in less than {MOST_MS} ms: {'met' if slowest < MOST_MS else 'MISSED'}")
    answers = {
        f"{name}, {place}, ms": spread(values)
        for place, named in looked["ms"].items()
        for name, values in named.items()
    }
    exports = {f"export {name}, s": round(item["seconds"], 2) for name, item in kept["forms"].items()}
    peaks = {"answers, MB": looked["peak_mb"], "exports, MB": kept["peak_mb"]}
    record("page", {"frames": frames, "objects": OBJECTS, **answers, **exports, **peaks})


if __name__ == "__main__":
    main(int(sys.argv[1] or 200_000), int(sys.argv[2] or 5))
