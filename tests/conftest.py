"""What several tests share: a running service, and the sample clip."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service import ROOT, Client, Service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests that do not break or configure it."""
    running = Service(tmp_path_factory.mktemp("service") / "data", UPLOAD_MAX_BYTES=5_000_000).start()
    yield running
    running.stop()


@pytest.fixture
def client(service: Service) -> Client:
    """A new user of the shared service."""
    return service.client()


@pytest.fixture(scope="session")
def sample() -> Path:
    return ROOT / "samples/things.mp4"


@pytest.fixture(scope="session")
def truth() -> dict[str, Any]:
    """What is shown in the sample clip, where and when."""
    content: dict[str, Any] = json.loads((ROOT / "samples/things.json").read_text())
    return content
