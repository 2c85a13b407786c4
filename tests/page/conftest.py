"""These tests are about what users see: the service runs with its bundled model (in int8, which costs half), and all
share one browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.chromium import running_chromium
from tests.support.deployments.modes import DeploymentMode
from tests.support.deployments.service import Service
from tests.support.live.fake_webcam import webcam_flags, write_pictures

WEBCAM_FRAME = 20  # of the sample: an astronaut


@pytest.fixture(scope="session")
def service(mode: DeploymentMode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with mode.run(tmp_path_factory.mktemp("page"), UPLOAD_MAX_BYTES=5_000_000, PRECISION="int8") as running:
        yield running


@pytest.fixture(scope="package")
def chromium(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    picture = write_pictures(sample, WEBCAM_FRAME, 1, tmp_path_factory.mktemp("webcam") / "astronaut.y4m")
    with running_chromium(*webcam_flags(picture)) as browser:
        yield browser
