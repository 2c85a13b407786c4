"""Jobs while faults happen at random: `make soak` is the long form of this test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployments.breakable import Faulty, short
from tests.support.deployments.deployment import Deployment
from tests.support.deployments.soak_run import DETECTORS, Soak

pytestmark = [pytest.mark.distributed, pytest.mark.long]

SEED = int(os.environ.get("SEED") or 1)
JOBS = int(os.environ.get("JOBS") or 8)
MINUTES = float(os.environ.get("MINUTES") or 1)


@pytest.fixture(scope="module")
def own(faulty: Faulty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with faulty.run(tmp_path_factory.mktemp("own"), DETECTOR_WORKERS=DETECTORS) as deployment:
        yield deployment


def test_every_job_ends_with_the_result_of_its_control_job(
    own: Deployment, faulty: Faulty, full_sample: Path, tmp_path: Path
) -> None:
    soak = Soak(own, faulty, SEED)
    clip = short(full_sample, tmp_path)
    soak.prepare([clip] if JOBS < 20 else [clip, full_sample])
    ends = soak.run(JOBS, MINUTES * 60)
    print(f"seed {SEED}: {sum(ends.values())} jobs: {dict(ends)}")
    assert ends["succeeded"] > 0
    soak.leave_nothing()
