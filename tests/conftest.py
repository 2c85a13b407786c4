"""What several tests share: a running service, and the sample clip."""

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, Page

from tests.support import budgets
from tests.support.chromium import running_chromium
from tests.support.deployments import recovery_times
from tests.support.deployments.breakable import Breakable, Faulty
from tests.support.deployments.deployment import Images
from tests.support.deployments.modes import (
    MATRIX,
    DeploymentMode,
    DistributedMode,
    EmbeddedMode,
    Servers,
    start_servers,
)
from tests.support.deployments.service import ROOT, Client, Service
from tests.support.models import tiny_model
from tests.support.models_command import Command
from tests.support.servers.debian import Postgres, require
from tests.support.servers.valkey import Valkey
from tests.support.videos.sample_variants import recoded

if TYPE_CHECKING:
    from contracts.database.tables import Video
    from tests.support.processor_bench import InProcessProcessor

# How long an example takes says more about the machine than about the code.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

SHORT_FRAMES = 48


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(budgets.Budgets(), "budgets")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := recovery_times.lines():
        terminalreporter.section("from the start of what was broken to the end of the disturbed job")
        terminalreporter.write_line("\n".join(lines))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "long" in item.path.relative_to(ROOT / "tests").parts:
            item.add_marker(pytest.mark.long)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The deployment modes of a test that runs a service: embedded, unless the test is marked otherwise.

    every_mode: in the long tier on all pairs of broker and database too. distributed: on RabbitMQ with PostgreSQL
    alone.
    """
    if "mode" not in metafunc.fixturenames:
        return
    marked = {mark.name for mark in metafunc.definition.iter_markers()}
    modes = [pytest.param(MATRIX[0] if "distributed" in marked else "embedded")]
    if "every_mode" in marked:
        modes += [pytest.param(name, marks=pytest.mark.long) for name in MATRIX]
    metafunc.parametrize("mode", modes, indirect=True, scope="session")


@pytest.fixture(scope="session")
def starting() -> Iterator[Servers]:
    """The servers of the distributed modes, which may not answer yet."""
    with start_servers() as servers:
        yield servers


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """WEB_DETECTOR_LONG=1: with packages from pip, as the images have them (minutes, and it needs a registry)."""
    return Images(tmp_path_factory.mktemp("images"), real=os.environ.get("WEB_DETECTOR_LONG") == "1")


@pytest.fixture(scope="session")
def mode(request: pytest.FixtureRequest) -> DeploymentMode:
    """The deployment mode of the service."""
    if request.param == "embedded":
        return EmbeddedMode()
    servers: Servers = request.getfixturevalue("starting")
    images: Images = request.getfixturevalue("images")
    for server in (servers.redis, servers.postgres, servers.rabbitmq):
        server.wait()
    broker, database = request.param.split("-")
    return DistributedMode(broker, database, servers, images)


@pytest.fixture(scope="session")
def faulty(images: Images) -> Iterator[Faulty]:
    """Distributed mode on servers that a test may break, and must have mended at its end."""
    with start_servers() as servers:
        breakable = Breakable(servers.rabbitmq, servers.redis, servers.postgres)
        mode = Faulty("rabbitmq", "postgres", breakable, images)
        mode.wait()
        yield mode


@pytest.fixture(scope="session")
def service(mode: DeploymentMode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests that neither break nor configure it. Its default model costs next to nothing."""
    folder = tmp_path_factory.mktemp("service")
    with mode.run(folder, UPLOAD_MAX_BYTES=5_000_000, **tiny_model.as_default(folder)) as running:
        yield running


@pytest.fixture(scope="session")
def standard_service(mode: DeploymentMode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with its bundled model, as users start it."""
    with mode.run(tmp_path_factory.mktemp("standard"), UPLOAD_MAX_BYTES=5_000_000) as running:
        yield running


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


@pytest.fixture
def url(postgres: Postgres) -> str:
    """The URL of a new database."""
    return postgres.create(f"test-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One Valkey for all tests that do not break it."""
    with Valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, valkey: Valkey) -> Iterator["InProcessProcessor"]:
    """A processor in this process, with tables and files of its own."""
    from tests.support.processor_bench import InProcessProcessor  # here, as few tests need it

    made = InProcessProcessor(tmp_path_factory.mktemp("desk"), valkey)
    yield made
    made.close()


@pytest.fixture(scope="module")
def video(desk: "InProcessProcessor", request: pytest.FixtureRequest) -> "Video":
    """One that is stored there; of so many frames as the test file says with FRAMES."""
    from tests.support.videos.clips import clip

    return desk.add_video(clip(frames=getattr(request.module, "FRAMES", 30)))


@pytest.fixture(scope="session")
def full_sample() -> Path:
    """The sample clip: 212 frames, five things and a pause."""
    return ROOT / "samples/things.mp4"


@pytest.fixture(scope="session")
def short_sample(full_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frames of the sample clip: a person, then a cat."""
    return recoded(full_sample, tmp_path_factory.mktemp("clip") / full_sample.name, "libx264", range(SHORT_FRAMES))


@pytest.fixture(scope="session")
def sample(full_sample: Path) -> Path:
    """What a test sends through the service; tests/service has a shorter one."""
    return full_sample


@pytest.fixture(scope="session")
def expected(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Embedded mode's result file of the sample."""
    with EmbeddedMode().run(tmp_path_factory.mktemp("expected")) as service:
        return service.result_bytes(service.client().detect(sample))


@pytest.fixture(scope="session")
def truth() -> dict[str, Any]:
    """What is shown in the sample clip, where and when."""
    content: dict[str, Any] = json.loads((ROOT / "samples/things.json").read_text())
    return content


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`web-detector models`, with an empty DATA_DIR."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("MODELS_DIR", raising=False)
    return Command(tmp_path / "data" / "models", capsys)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser for the tests of one file; those in tests/page share one."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page of a real browser, without cookies or storage of other tests."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    yield context.new_page()
    context.close()
