"""These tests are about what users see: the service runs with its bundled model."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments.service import Client, Service


@pytest.fixture(scope="session")
def service(standard_service: Service) -> Service:
    return standard_service


@pytest.fixture(scope="session")
def done(service: Service, sample: Path) -> tuple[Client, dict[str, Any]]:
    """The sample clip, sent through the service."""
    client = service.client()
    job = client.detect(sample)
    assert job["state"] == "succeeded", job
    return client, job
