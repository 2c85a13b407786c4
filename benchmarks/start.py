"""How long one waits: from `web-detector up` to ready, and from a job's start to its first frames over HTTP.

    make bench-start [ROUNDS=3], BENCH=full for 10 rounds

The disk's cache is warm: a round that is not counted comes before. Each round starts embedded mode twice, on an
empty folder and then on what that left, with the default settings and the default model; the time to ready is that
which the supervisor takes to say so. The job is the first one of its service; its video of a minute is uploaded
before, its results are asked for until there are some, and then it is cancelled.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import clip
from benchmarks.report import full, record, spread, table, told
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import Client

READY_SECONDS, PARTIAL_SECONDS = 5, 2  # at most
_SIZE, _SECONDS = (640, 360), 60
_POLL_SECONDS = 0.02

Times = dict[str, list[float]]


def measure(video: Path, rounds: int, folder: Path) -> Times:
    """Seconds by what was waited for."""
    times: Times = {name: [] for name in ("ready, empty folder", "ready, again", "first frames")}
    for number in range(rounds + 1):
        data = folder / f"data-{number}"
        service, seconds = _started(Embedded(data))
        service.stop()
        again, seconds_again = _started(service)
        try:
            partial = _first_frames(again.client(), video)
        finally:
            again.stop()
        if number:
            for name, value in zip(times, (seconds, seconds_again, partial), strict=True):
                times[name].append(value)
    return times


def _started(service: Embedded) -> tuple[Embedded, float]:
    began = time.perf_counter()
    return service.start(), time.perf_counter() - began


def _first_frames(client: Client, video: Path) -> float:
    """Seconds from a job's start to its first frames; then it is cancelled."""
    uploaded = client.upload(video)
    assert uploaded["media"]["frames"] == clip.RATE * _SECONDS
    began = time.perf_counter()
    job = client.start(uploaded)
    while not (page := _page(client, job))["frames"]:
        assert time.perf_counter() - began < 60, client.job(job)
        time.sleep(_POLL_SECONDS)
    partial = time.perf_counter() - began
    assert [frame["frame"] for frame in page["frames"]] == list(range(len(page["frames"])))
    assert client.job(job)["finished_at"] is None, "the job is over already: these are not its first frames alone"
    client.call("POST", f"/jobs/{job['id']}/cancel", 202)
    assert client.wait(job)["state"] == "cancelled"
    return partial


def _page(client: Client, job: dict[str, Any]) -> Any:
    # Not through Client.call: to hold answers against the spec takes its time.
    answer = client.http.get(f"/api/v1/jobs/{job['id']}/results")
    assert answer.status_code == 200, answer.text
    return answer.json()


def main(rounds: int) -> None:
    """Entry point."""
    with tempfile.TemporaryDirectory(prefix="bench-start-") as folder:
        video = clip.encode(Path(folder) / "minute.mp4", clip.RATE * _SECONDS, _SIZE)
        times = measure(video, rounds, Path(folder))
    print(f"the default model, a video of {_SECONDS} s at {_SIZE[0]}x{_SIZE[1]}; rounds: {rounds}")
    most = {"ready, empty folder": READY_SECONDS, "ready, again": READY_SECONDS, "first frames": PARTIAL_SECONDS}
    rows = [(name, told(values, 2), most.get(name, "")) for name, values in times.items()]
    table(("seconds to", "median (least to most)", "target"), rows)
    record("start", {name: spread(values) for name, values in times.items()})


if __name__ == "__main__":
    main(int(sys.argv[1] or (10 if full() else 3)))
