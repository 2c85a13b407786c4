"""A service that tests of this folder may break."""

from collections.abc import Iterator

import pytest

from tests.support.deployments.embedded import Embedded
from tests.support.deployments.modes import EmbeddedMode
from tests.support.models import tiny_model

CHUNK_SIZE, WORKERS = 7, 3


@pytest.fixture(scope="package")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """It cuts videos into small chunks, for three detectors, and soon repeats what a killed process had in hand."""
    folder = tmp_path_factory.mktemp("own")
    settings = {"CHUNK_SIZE": CHUNK_SIZE, "DETECTOR_WORKERS": WORKERS, "LEASE_SECONDS": 4, "REAPER_SECONDS": 1}
    with EmbeddedMode().run(folder, LOG_LEVEL="warning", **settings, **tiny_model.as_default(folder)) as service:
        yield service
