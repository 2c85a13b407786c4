"""A recorded job beside four live streams: what each loses by the other.

    make bench-beside [FRAMES=400] [SECONDS=15]

A whole service with one detector. The job runs the default model over 576p; the streams, of 640x480 with 10 frames/s,
are analysed by a model that costs next to nothing, so that the machine suffices. Alone and beside each other: the
latency from a frame's arrival to its boxes at a WebSocket client, and the job's frames/s and processor time.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import clip
from benchmarks.live_service import LiveService, add_stream, beside, percentiles, upload_camera
from benchmarks.report import full, record, table
from tests.support.deployments.service import Client
from tests.support.live.live_api import ws_path
from tests.support.live.websocket import Closed, WebSocket
from tests.support.waiting import until

STREAMS, FPS = 4, 10
JOB_SIZE, MODEL = (768, 576), "nanodet-g"
GOAL_MS = 150.0
# Of the job's processor time a frame, and of what live leaves of the machine.
MOST_LOST = 0.1
LIVE_PARTS = ("ingest", "live detector", "api")

Figures = dict[str, Any]


class Boxes(threading.Thread):
    """Notes when the boxes of a stream's frames come."""

    def __init__(self, service: LiveService, client: Client, stream: str) -> None:
        super().__init__(daemon=True)
        self._service, self._stream = service, stream
        headers = {"Authorization": str(client.http.headers["Authorization"])}
        self._socket = WebSocket(service.running.port, ws_path(stream), headers)
        self._socket.send({"type": "start", "media": False, "results": True})
        self._came: dict[float, float] = {}

    def __enter__(self) -> "Boxes":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self.join(10)
        self._socket.socket.close()

    def run(self) -> None:
        """Read to the end."""
        try:
            while True:
                message = self._socket.receive()
                if isinstance(message, dict) and message["type"] == "result":
                    self._came[message["time_ms"]] = time.time()
        except (Closed, OSError):
            return

    def clear(self) -> None:
        """Count from now on."""
        self._came = {}

    def any(self) -> bool:
        """Whether some have come."""
        return bool(self._came)

    def delays_ms(self) -> list[float]:
        """Since the frames arrived, of those whose packets are still kept."""
        arrivals = self._service.arrivals(self._stream)
        found = [(arrivals.of(ms), came) for ms, came in list(self._came.items())]
        return [1000 * (came - arrived) for arrived, came in found if arrived is not None]


def watched(boxes: Sequence[Boxes]) -> Figures:
    """Figures of the streams since they were cleared."""
    p50, p95 = percentiles([delay for one in boxes for delay in one.delays_ms()])
    return {"p50_ms": p50, "p95_ms": p95}


def job(service: LiveService, client: Client, video: Any) -> Figures:
    """Run one to its end."""
    before, began = service.cpu(), time.monotonic()
    ended = client.wait(client.start(video, model=MODEL))
    lasted, after = time.monotonic() - began, service.cpu()
    assert ended["state"] == "succeeded", ended
    took = datetime.fromisoformat(ended["finished_at"]) - datetime.fromisoformat(ended["started_at"])
    frames = ended["progress"]["frames_done"]
    live = sum(after[part] - before[part] for part in LIVE_PARTS)
    return {
        "fps": frames / took.total_seconds(),
        "cpu_ms_per_frame": 1000 * (after["detector"] - before["detector"]) / frames,
        "live_cores": live / lasted,
    }


def measure(service: LiveService, folder: Path, frames: int, seconds: float) -> dict[str, Figures]:
    """Both alone, and beside each other."""
    client = service.running.client()
    video = client.upload(clip.things(folder / "job.mp4", frames, JOB_SIZE))
    camera = upload_camera(client, folder, FPS)
    client.wait(client.start(video, model=MODEL))  # the detector's first job loads the model
    found = {"job alone": job(service, client, video)}
    streams = [add_stream(client, f"Camera {number}", camera) for number in range(STREAMS)]
    with ExitStack() as stack:
        boxes = [stack.enter_context(Boxes(service, client, stream)) for stream in streams]
        until(lambda: all(one.any() for one in boxes))
        time.sleep(2)
        _clear(boxes)
        time.sleep(seconds)
        found["live alone"] = watched(boxes)
        _clear(boxes)
        found["job beside live"] = job(service, client, video)
        found["live beside the job"] = watched(boxes)
    return found


def _clear(boxes: Sequence[Boxes]) -> None:
    for one in boxes:
        one.clear()


def show(found: dict[str, Figures]) -> None:
    """Print figures beside their goals."""
    alone, with_live = found["job alone"], found["job beside live"]
    cores = len(os.sched_getaffinity(0))
    left = alone["fps"] * (1 - (with_live["live_cores"] - alone["live_cores"]) / cores)
    lost = with_live["cpu_ms_per_frame"] / alone["cpu_ms_per_frame"] - 1
    live, both = found["live alone"], found["live beside the job"]
    goal = beside(both["p95_ms"] <= GOAL_MS, f"<= {GOAL_MS:.0f} ms")
    kept = beside(with_live["fps"] >= (1 - MOST_LOST) * left, f">= {left:.1f}, what live leaves, less {MOST_LOST:.0%}")
    rows = [
        ("live: p95 of the boxes", f"{live['p95_ms']:.0f} ms", f"{both['p95_ms']:.0f} ms", goal),
        ("live: p50 of the boxes", f"{live['p50_ms']:.0f} ms", f"{both['p50_ms']:.0f} ms", ""),
        ("live: cores", "", f"{with_live['live_cores']:.2f}", ""),
        ("job: frames/s", f"{alone['fps']:.1f}", f"{with_live['fps']:.1f}", kept),
        (
            "job: processor time a frame",
            f"{alone['cpu_ms_per_frame']:.1f} ms",
            f"{with_live['cpu_ms_per_frame']:.1f} ms",
            beside(lost <= MOST_LOST, f"<= {MOST_LOST:.0%} more"),
        ),
    ]
    table(("a job and four live streams", "alone", "together", "goal"), rows)


def main(frames: int, seconds: float) -> None:
    """Entry point."""
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-beside-") as name:
        folder = Path(name)
        with LiveService(folder, DETECTOR_WORKERS=1) as service:
            found = measure(service, folder, frames, seconds)
    load = [round(before, 1), round(os.getloadavg()[0], 1)]
    print(f"a job of {frames} frames of 576p; {STREAMS} streams with {FPS} frames/s; load before and after: {load}")
    show(found)
    record("live_beside", {"frames": frames, "seconds": seconds, "load": load, **found})


if __name__ == "__main__":
    given = [float(value) if value else 0 for value in sys.argv[1:3]] + [0, 0]
    main(round(given[0]) or (2000 if full() else 400), given[1] or 15)
