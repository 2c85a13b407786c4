"""These tests are about what users see: the service runs with its bundled model, and all share one browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.chromium import running_chromium
from tests.support.deployments.service import Service


@pytest.fixture(scope="session")
def service(standard_service: Service) -> Service:
    return standard_service


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser
