"""These tests are about what users see: the service runs with its bundled model."""

import pytest

from tests.support.deployments.service import Service


@pytest.fixture(scope="session")
def service(standard_service: Service) -> Service:
    return standard_service
