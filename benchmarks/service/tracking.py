"""What tracking along costs the main job: the same jobs with it and without it, in pairs of changing order.

    python -m benchmarks.service.tracking [PAIRS=6] [SECONDS=12]

Two embedded services with the bundled model in fp32 take turns with a made street of 25 frames/s. frames/s: by the
service's clock, from the job's creation to its merged result. CPU: of all processes of the service, until the tracks
are there as well. Pictures of tracks are off in both. A detector's CPU time varies by more than tracking costs, and it
tracks nothing: what the other processes take says that, in parts of the whole.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.contenders import Contender, OfService, Run
from benchmarks.detect import measure, same
from benchmarks.report import record, spread, table, told
from benchmarks.scenes import encode, street
from tests.support.deployments.embedded import Embedded
from tests.support.measuring.ratio import ratio

_RATE = 25
_WARM_UP_SECONDS = 2


def main(pairs: int, seconds: float) -> None:
    """Entry point."""
    with tempfile.TemporaryDirectory(prefix="bench-tracking-") as name:
        folder = Path(name)
        video = encode(folder / "street.mp4", street(_RATE, seconds), _RATE)
        short = encode(folder / "short.mp4", street(_RATE, _WARM_UP_SECONDS), _RATE)
        services: list[Contender] = []
        try:
            for tracks in ("on", "off"):
                own = Embedded(folder / tracks, PRECISION="fp32", TRACKS=tracks, TRACK_PICTURES="off").start()
                services.append(OfService(f"tracks {tracks}", own, tracked=tracks == "on"))
            runs = measure(services, video, short, pairs)
        finally:
            for service in services:
                service.close()
    told_of(runs)


def told_of(runs: dict[str, list[Run]]) -> None:
    """Print and record the figures."""
    with_tracks, without = runs["tracks on"], runs["tracks off"]
    assert all(same(one.found, other.found) for one, other in zip(with_tracks, without, strict=True))
    boxes = float(np.mean(without[0].found.count))
    print(f"{without[0].frames} frames, {boxes:.1f} boxes in each, load {os.getloadavg()[0]:.1f}")
    figures, rows = {}, []
    for name, done in runs.items():
        fps, cpu = [one.fps for one in done], [one.cpu / one.frames * 1000 for one in done]
        beside = [one.beside / one.frames * 1000 for one in done]
        figures[name] = {"fps": spread(fps), "cpu_ms_per_frame": spread(cpu), "beside_detectors": spread(beside)}
        rows.append([name, told(fps), told(cpu), told(beside)])
    table(["", "frames/s", "CPU ms a frame", "of it not of detectors"], rows)
    speed = ratio([one.fps for one in with_tracks], [one.fps for one in without])
    cost = ratio([one.cpu for one in with_tracks], [one.cpu for one in without])
    print(f"on to off, {speed.pairs} pairs with 95 % confidence: frames/s {speed}, CPU {cost}")
    own = [100 * (one.beside - other.beside) / other.cpu for one, other in zip(with_tracks, without, strict=True)]
    print(f"the processes that are no detectors take {told(own)} % of the job's CPU more")
    record("tracking", {"runs": figures, "speed": speed.figures(), "cost": cost.figures(), "own_percent": spread(own)})


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 6, float(given[1]) if len(given) > 1 else 12)
