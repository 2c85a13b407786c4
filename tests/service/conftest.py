"""These tests are about HTTP and what lies behind it: a short clip says as much as a long one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployments.modes import DeploymentMode
from tests.support.deployments.service import Service
from tests.support.models import tiny_model
from tests.support.scraping import METRICS_ROLES, free_ports
from tests.support.servers.webhook_receiver import Receiver


@pytest.fixture(scope="session")
def sample(short_sample: Path) -> Path:
    return short_sample


@pytest.fixture(scope="session")
def collector() -> Iterator[Receiver]:
    """One of traces."""
    with Receiver() as receiver:
        receiver.answer = lambda _: 200
        yield receiver


@pytest.fixture(scope="session")
def reaching(mode: DeploymentMode, collector: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that may call this very address, read cameras there, and reach no other that is not public. It cuts
    videos into small chunks for one detector, which a test may hold on the way. Its metrics can be read, its logs
    are JSON, and the collector gets its traces."""
    folder = tmp_path_factory.mktemp("reaching")
    settings = {
        "WEBHOOK_ALLOW_NETWORKS": "127.0.0.1/32", "WEBHOOK_TIMEOUT_SECONDS": 5,
        "STREAM_ALLOW_NETWORKS": "127.0.0.0/8", "LOG_LEVEL": "debug", "CHUNK_SIZE": 24, "DETECTOR_WORKERS": 1,
        "LOG_FORMAT": "json", "METRICS_PORT": free_ports(len(METRICS_ROLES)), "TRACES_URL": collector.url,
    }  # fmt: skip
    with mode.run(folder, **settings, **tiny_model.as_default(folder)) as running:
        yield running
