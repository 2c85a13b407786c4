"""What several tests share: a running service, and the sample clip."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.servers import Postgres, require
from tests.service import ROOT, Client, Service

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


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
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for all tests that do not break it; each makes databases of its own."""
    require("initdb", "postgres", "setpriv")
    with Postgres() as server:
        yield server.wait()


@pytest.fixture(scope="session")
def sample() -> Path:
    return ROOT / "samples/things.mp4"


@pytest.fixture(scope="session")
def truth() -> dict[str, Any]:
    """What is shown in the sample clip, where and when."""
    content: dict[str, Any] = json.loads((ROOT / "samples/things.json").read_text())
    return content


@pytest.fixture
def page() -> Iterator[Page]:
    """An empty page of a real browser."""
    if not CHROMIUM.exists():
        assert not os.environ.get("CI"), "CI must have chromium: tools/install-debian-packages"
        pytest.skip(f"{CHROMIUM} is not installed: tools/install-debian-packages installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser.new_page(viewport={"width": 1280, "height": 1000})
        browser.close()
