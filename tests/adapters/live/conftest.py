"""A live detector for the tests of this folder, and a stream that it analyses."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.live.live_detector import LiveDetector, environ
from tests.support.live.live_packets import Publisher
from tests.support.models import tiny_model
from tests.support.servers.valkey import Valkey

DATABASE = 11


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the tiny model."""
    folder = tmp_path_factory.mktemp("live")
    tiny_model.install(folder / "models", labels=("blue", "green", "red"))
    return folder


@pytest.fixture(scope="module")
def detector(valkey: Valkey, models: Path) -> Iterator[LiveDetector]:
    with LiveDetector(environ(valkey, DATABASE, models)) as running:
        running.redis.flushdb()
        yield running


@pytest.fixture
def stream(detector: LiveDetector) -> Iterator[Publisher]:
    """A stream with the tiny model that is analysed, without packets."""
    made = detector.published(Publisher(detector.redis, tiny_model.ID))
    yield made
    made.remove()
