"""The most memory that each process of the service takes, for a job on a short video and on a long one.

    make bench-memory [SECONDS=60] [TIMES=10] [ROUNDS=1], BENCH=full for 1 minute against 60 in 3 rounds

Embedded mode with a model that costs nothing; each video has a service and folders of its own, in an order that
turns with the rounds. VmHWM is read while and after the job ran and its results were read, page by page; of the
processes of a role the largest counts. Nothing but Valkey, which holds the results, may take more for the long video.
"""

import re
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from benchmarks import clip
from benchmarks.report import full, record, spread, table, told
from benchmarks.service.peak import peak_mb
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import Client
from tests.support.models import tiny_model

MOST_RATIO = 1.1
# Between two looks at the processes: the probe, during the upload, is there for some tenths of a second.
_UPLOAD_PAUSE_SECONDS, _JOB_PAUSE_SECONDS = 0.01, 0.2
_ROLES = {
    "api": r"gunicorn",
    "processor": r"processor\.worker",
    "probe": r"processor\.inspect",
    "detector": r"detector\.worker",
    "valkey": r"valkey",
}
MAY_GROW = ("valkey",)

Peaks = dict[str, float]


def measure(video: Path, folder: Path) -> Peaks:
    """MB by role, of one job from the upload to its last page."""
    tiny_model.install(folder / "models")
    service = Embedded(folder / "data", MODELS_DIR=folder / "models", DEFAULT_MODEL=tiny_model.ID).start()
    try:
        with _Watch(service) as watch:
            client = service.client()
            uploaded = client.upload(video)
            watch.pause = _JOB_PAUSE_SECONDS
            done = client.wait(client.start(uploaded), seconds=3600)
            assert done["state"] == "succeeded", done
            assert _read(client, done) == done["progress"]["frames_done"] == clip.count(video)
    finally:
        service.stop()
    return watch.peaks


class _Watch:
    """Looks at the processes in a thread, so that one that does not live long, the probe, is seen too."""

    def __init__(self, service: Embedded) -> None:
        self.peaks: Peaks = {}
        self.pause = _UPLOAD_PAUSE_SECONDS
        self._service = service
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        over = False
        while not over:
            over = self._over.wait(self.pause)
            for process in self._service.processes():
                with suppress(psutil.NoSuchProcess, OSError, AssertionError):  # it may have ended meanwhile
                    self._note(" ".join(process.cmdline()), process.pid)

    def _note(self, command: str, pid: int) -> None:
        for role, pattern in _ROLES.items():
            if re.search(pattern, command):
                self.peaks[role] = max(self.peaks.get(role, 0.0), peak_mb(pid))
                return


def _read(client: Client, job: dict[str, Any]) -> int:
    """Every frame, page by page, and once more as lines; how many there are."""
    frames, query = 0, {"limit": "5000"}
    while True:
        page = client.http.get(f"/api/v1/jobs/{job['id']}/results", params=query).json()
        assert [frame["frame"] for frame in page["frames"]] == list(range(frames, frames + len(page["frames"])))
        frames += len(page["frames"])
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    with client.http.stream(
        "GET", f"/api/v1/jobs/{job['id']}/results", headers={"Accept": "application/x-ndjson"}
    ) as answer:
        assert sum(piece.count(b"\n") for piece in answer.iter_bytes()) == frames
    return frames


def main(seconds: int, times: int, rounds: int) -> None:
    """Entry point."""
    runs: dict[str, list[Peaks]] = {"short": [], "long": []}
    with tempfile.TemporaryDirectory(prefix="bench-memory-") as name:
        folder = Path(name)
        short = clip.encode(folder / "short.mp4", clip.RATE * seconds)
        videos = {"short": short, "long": clip.repeat(short, folder / "long.mp4", times)}
        sizes = {kind: path.stat().st_size for kind, path in videos.items()}
        for number in range(rounds):
            for kind in sorted(videos, reverse=bool(number % 2)):
                runs[kind].append(measure(videos[kind], folder / f"{kind}-{number}"))
    print(f"a video of {seconds} s ({sizes['short']} bytes) and one of {times} times that; rounds: {rounds}")
    rows, figures, grown = [], {}, []
    for role in _ROLES:
        one, other = ([run[role] for run in runs[kind] if role in run] for kind in ("short", "long"))
        if not one or not other:
            continue  # the probe may be over before it is seen
        ratios = [b / a for a, b in zip(one, other, strict=False)]
        rows.append((role, told(one), told(other), told(ratios, 2)))
        figures[role] = {"short_mb": spread(one), "long_mb": spread(other), "ratio": spread(ratios)}
        if role not in MAY_GROW and sorted(ratios)[len(ratios) // 2] > MOST_RATIO:
            grown.append(role)
    table(("MB at most", "short", "long", "long/short"), rows)
    print(f"grown by more than {MOST_RATIO - 1:.0%}: {', '.join(grown) or 'none'} (valkey holds the results and may)")
    record("memory", {"seconds": seconds, "times": times, **figures})


if __name__ == "__main__":
    usual = (60, 60, 3) if full() else (60, 10, 1)
    main(*(int(word or value) for word, value in zip(sys.argv[1:], usual, strict=True)))
