"""One user has a hundred jobs at work, another comes with one: how long that one takes, alone and beside them.

    make bench-fair [JOBS=100] [FRAMES=240] [ROUNDS=3]

Embedded mode with one detector; all jobs are of the same length. Then the same beside one long job of the same
user: a long job must not starve a short one. The model costs next to nothing, so that a hundred jobs do not take hours.
"""

import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import clip
from benchmarks.report import record, table
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import Client
from tests.support.models import tiny_model

_LONG = 20  # a long job, in short ones


def seconds(client: Client, video: Any) -> float:
    """From a job's creation to its end, by the service's clock."""
    job = client.start(video, model=tiny_model.ID)
    while (now := client.http.get(f"/api/v1/jobs/{job['id']}").json())["finished_at"] is None:
        time.sleep(0.2)
    assert now["state"] == "succeeded", now
    return (datetime.fromisoformat(now["finished_at"]) - datetime.fromisoformat(now["created_at"])).total_seconds()


def some(client: Client, video: Any, rounds: int, busy: Client | None = None) -> list[float]:
    """The seconds of jobs one after the other; busy: the user whose jobs must be at work all the time."""
    values = []
    for _ in range(rounds):
        values.append(seconds(client, video))
        print(f"  {values[-1]:.1f} s", file=sys.stderr)
        if busy and not _at_work(busy):
            break  # this one waited for all of the others
    return values


def _at_work(client: Client) -> bool:
    return bool(client.http.get("/api/v1/jobs", params={"state": ["queued", "planning", "running"]}).json()["items"])


def _until_running(client: Client, job: Any) -> None:
    while client.http.get(f"/api/v1/jobs/{job['id']}").json()["state"] in ("queued", "planning"):
        time.sleep(0.05)


def measure(folder: Path, jobs: int, frames: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of a short job: alone, beside many of another user, and beside a long one of the same user."""
    short = clip.things(folder / "short.mp4", frames, (768, 576))
    long = clip.repeat(short, folder / "long.mp4", _LONG)
    tiny_model.install(folder / "models")
    service = Embedded(
        folder / "data", DETECTOR_WORKERS=1, DETECTOR_THREADS=1, CHUNK_SIZE=48, MODELS_DIR=folder / "models"
    ).start()
    try:
        many, one = service.client("many"), service.client("one")
        videos = {client: client.upload(short) for client in (many, one)}
        seconds(one, videos[one])
        found = {"alone": some(one, videos[one], rounds)}
        _until_running(one, one.start(one.upload(long), model=tiny_model.ID))
        found["beside a long job"] = some(one, videos[one], rounds, one)
        while _at_work(one):
            time.sleep(0.2)
        started = [many.start(videos[many], model=tiny_model.ID) for _ in range(jobs)]
        _until_running(many, started[0])
        found[f"beside {jobs} jobs"] = some(one, videos[one], rounds, many)
        return found
    finally:
        service.stop()


def main(jobs: int, frames: int, rounds: int) -> None:
    """Entry point."""
    with tempfile.TemporaryDirectory(prefix="bench-fair-") as name:
        found = measure(Path(name), jobs, frames, rounds)
    print(f"\na job of {frames} frames, 768x576, one detector; many: {jobs} such jobs; long: {_LONG} times as long")
    middle = {name: statistics.median(values) for name, values in found.items()}
    rows = [(name, f"{value:.1f} s", f"{value / middle['alone']:.1f}") for name, value in middle.items()]
    table(("the job", "takes", "times alone"), rows)
    record("fair", {"jobs": jobs, "frames": frames, **{k.replace(" ", "_"): round(v, 2) for k, v in middle.items()}})


if __name__ == "__main__":
    main(*(int(value or default) for value, default in zip(sys.argv[1:], (100, 240, 3), strict=True)))
