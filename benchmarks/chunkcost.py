"""What a chunk costs the whole service, whatever its length: its message, its lease, opening, seeking, storing.

    make bench-chunks [SECONDS=60] [ROUNDS=5], BENCH=full for 11 rounds

Embedded mode with one detector and a model that costs nothing, once for each CHUNK_SIZE, side by side; they do the
same job on the same video in turns, in an order of their own each round. Every chunk begins at a keyframe, so that
no frame is decoded twice. A line through (chunks, seconds from the job's start to its end) gives the seconds of a
chunk, and of all the rest; that through the seconds of the processor, of all processes of the service, tells
what is left of it on a machine that has nothing else to do.

How long an engine is idle between two chunks of a job is measured by the detector's own clock, with the default model
and the shortest chunks: from the last output of one to the first image of the next, less the time that the images of
the next take which the engine has by then.
"""

import random
import re
import statistics
import sys
import tempfile
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import clip
from benchmarks.report import full, record, spread, table, told
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import Service
from tests.support.models import tiny_model

CHUNK_SIZES = (24, 48, 96, 480)  # 24 is the length of a group
MOST_MS, MOST_IDLE_MS = 10, 5
_GOES_ON = re.compile(r"after ([\d.]+) ms the engine goes on, with (\d+) images in it")

Seconds = dict[int, list[float]]  # by chunk size, in each round


def measure(video: Path, rounds: int, folder: Path) -> tuple[dict[int, int], Seconds, Seconds]:
    """Chunks of the video by chunk size; the job's seconds by the clock, and those of the processor."""
    tiny_model.install(folder / "models")
    counts: dict[int, int] = {}
    wall: Seconds = {size: [] for size in CHUNK_SIZES}
    cpu: Seconds = {size: [] for size in CHUNK_SIZES}
    with ExitStack() as stack:
        jobs = {}
        for size in CHUNK_SIZES:
            mode = EmbeddedMode().run(
                folder / str(size),
                CHUNK_SIZE=size,
                DETECTOR_WORKERS=1,
                MODELS_DIR=folder / "models",
                DEFAULT_MODEL=tiny_model.ID,
            )
            service = stack.enter_context(mode)
            client = service.client()
            jobs[size] = (service, client, client.upload(video))
        order = random.Random(1)  # noqa: S311  (the same in every run)
        results = set()
        for number in range(rounds + 1):
            for size in order.sample(CHUNK_SIZES, len(CHUNK_SIZES)):
                service, client, uploaded = jobs[size]
                before = _used(service)
                job = client.wait(client.start(uploaded))
                used = _used(service) - before
                assert job["state"] == "succeeded", job
                assert job["progress"]["frames_done"] == clip.count(video)
                results.add(service.result_bytes(job))
                counts[size] = service.chunks_total(job)
                if number:  # the first round warms up
                    wall[size].append(_seconds(job["started_at"], job["finished_at"]))
                    cpu[size].append(used)
        assert len(results) == 1, "the chunks show in the result"
    return counts, wall, cpu


def idle(video: Path, folder: Path) -> list[float]:
    """Milliseconds between each two chunks in which the engine had nothing to do."""
    settings = {"CHUNK_SIZE": CHUNK_SIZES[0], "DETECTOR_WORKERS": 1, "LOG_LEVEL": "debug"}
    with EmbeddedMode().run(folder, **settings) as service:
        client = service.client()
        uploaded = client.upload(video)
        client.wait(client.start(uploaded))
        before = len(_gone_on(service))
        job = client.wait(client.start(uploaded))
        assert job["state"] == "succeeded", job
        frame_ms = 1000 * _seconds(job["started_at"], job["finished_at"]) / clip.count(video)
        _, *gone_on = _gone_on(service)[before:]  # the first chunk comes after a pause
        assert len(gone_on) == service.chunks_total(job) - 1
    return [max(0.0, waited - images * frame_ms) for waited, images in gone_on]


def _gone_on(service: Service) -> list[tuple[float, int]]:
    assert isinstance(service, Embedded)
    return [(float(waited), int(images)) for waited, images in _GOES_ON.findall(service.output())]


def _used(service: Embedded) -> float:
    """Seconds of the processor that the service's processes have had."""
    times = [process.cpu_times() for process in service.processes()]
    return sum(item.user + item.system for item in times)


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def main(seconds: int, rounds: int) -> None:
    """Entry point."""
    with tempfile.TemporaryDirectory(prefix="bench-chunks-") as name:
        folder = Path(name)
        video = clip.encode(folder / "clip.mp4", clip.RATE * seconds, group=CHUNK_SIZES[0])
        counts, wall, cpu = measure(video, rounds, folder)
        short = clip.encode(folder / "short.mp4", 20 * CHUNK_SIZES[0], group=CHUNK_SIZES[0])
        pauses = [pause for number in range(rounds) for pause in idle(short, folder / f"idle-{number}")]
    print(f"a video of {seconds} s, one detector, {rounds} rounds; seconds: median (least to most)")
    rows = [(f"CHUNK_SIZE={size}", counts[size], told(wall[size], 2), told(cpu[size], 2)) for size in CHUNK_SIZES]
    table(("job", "chunks", "by the clock", "of the processor"), rows)
    figures: dict[str, Any] = {"seconds": seconds, "chunks": {str(size): count for size, count in counts.items()}}
    for name, runs in (("clock", wall), ("processor", cpu)):
        lines = [_line(counts, {size: values[number] for size, values in runs.items()}) for number in range(rounds)]
        slope, rest = _line(counts, {size: statistics.median(values) for size, values in runs.items()})
        print(
            f"by the {name}, ms a chunk: {slope:.1f} by the medians, {told([line[0] for line in lines])} by the rounds"
        )
        figures[name] = {
            "chunk_ms": round(slope, 2),
            "chunk_ms_by_rounds": spread([line[0] for line in lines]),
            "rest_ms": round(rest, 1),
            "seconds": {str(size): spread(values) for size, values in runs.items()},
        }
    print(f"target: at most {MOST_MS} ms a chunk by the clock, on a machine that does nothing else")
    print(f"the engine is idle between two chunks for {told(pauses)} ms; target: {MOST_IDLE_MS}")
    figures["idle_ms"] = spread(pauses)
    record("chunks", figures)


def _line(counts: dict[int, int], seconds: dict[int, float]) -> tuple[float, float]:
    """Slope and intercept of the straight line through the points, in ms."""
    sizes = list(counts)
    slope, intercept = statistics.linear_regression([counts[size] for size in sizes], [seconds[size] for size in sizes])
    return 1000 * slope, 1000 * intercept


if __name__ == "__main__":
    main(int(sys.argv[1] or 60), int(sys.argv[2] or (11 if full() else 5)))
