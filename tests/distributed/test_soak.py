"""Jobs, uploads and live streams while faults happen: `make soak` is the long form of this test."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployments.breakable import Faulty, short
from tests.support.models import tiny_model
from tests.support.servers.disk import small_disk
from tests.support.soak import leftovers, streams
from tests.support.soak.cameras import Camera
from tests.support.soak.faults import Scene
from tests.support.soak.run import DETECTORS, Soak

pytestmark = [pytest.mark.distributed, pytest.mark.long]

SEED = int(os.environ.get("SEED") or 1)
JOBS = int(os.environ.get("JOBS") or 8)
STREAMS = int(os.environ.get("STREAMS") or 2)
MINUTES = float(os.environ.get("MINUTES") or 1)
LEAST_SLACK_SECONDS = 30.0
# A looped clip is 30 MB a minute, and on a busy machine the jobs end long after the faults. It is memory, as it fills.
_DISK_MB = round(1024 + STREAMS * 3 * MINUTES * 16)


@pytest.fixture
def cameras(tmp_path: Path) -> Iterator[list[Camera]]:
    made = streams.cameras(tmp_path, STREAMS)
    yield made
    for camera in made:
        camera.close()


def test_nothing_is_lost_and_nothing_is_left(
    faulty: Faulty, full_sample: Path, cameras: list[Camera], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("own")
    clip = short(full_sample, tmp_path)
    settings = {
        "DETECTOR_WORKERS": DETECTORS, "STREAM_ALLOW_NETWORKS": "127.0.0.0/8",
        "STREAM_SECRET_KEY": "0123456789abcdef" * 2, "ACCESS_TOKEN_MINUTES": 10_000, "RATE_REQUESTS_PER_MINUTE": 0,
        "PRECISION": "fp32",  # which the tiny model has
    }  # fmt: skip
    disk = folder / "data" / "storage"
    began = time.monotonic()
    with small_disk(disk, f"{_DISK_MB}m"):
        with faulty.run(folder, **settings, **tiny_model.as_default(folder)) as own:
            slack = max(LEAST_SLACK_SECONDS, 2 * (time.monotonic() - began))
            soak = Soak(Scene(own, faulty, cameras, disk), SEED, slack)
            soak.prepare([clip] if JOBS < 20 else [clip, full_sample], STREAMS)
            soak.run(JOBS, MINUTES * 60)
            print(f"seed {SEED}:", json.dumps(soak.check(), indent=1))
            soak.leave_nothing()
        leftovers.processes_are_gone(folder)
        assert leftovers.temporary_files(own) == []
