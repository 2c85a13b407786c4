"""Storages for the conformance suites: a folder, memory, and a bucket of a local object store; the api without a
server."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from api.app import create_app
from api.context import context
from contracts.database import engine as database
from contracts.database.tables import Base
from contracts.settings.load import load
from contracts.storage.local import LocalStorage
from contracts.storage.port import Storage
from tests.support.fakes import MemoryStorage
from tests.support.live.live_api import LiveApi, Watcher
from tests.support.servers.debian import require
from tests.support.servers.s3 import Bucket, ObjectStore
from tests.support.servers.valkey import Valkey


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """One object store for all."""
    require("moto_server")
    with ObjectStore() as running:
        yield running.wait()


@pytest.fixture
def bucket(object_store: ObjectStore) -> Bucket:
    """A new bucket."""
    return object_store.bucket()


@pytest.fixture(params=["local disk", "memory", pytest.param("s3", marks=pytest.mark.distributed)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An empty storage of each kind."""
    if request.param == "s3":
        bucket: Bucket = request.getfixturevalue("bucket")
        return bucket.storage()
    return LocalStorage(tmp_path / "storage") if request.param == "local disk" else MemoryStorage()


@pytest.fixture(scope="session")
def app(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The api's application, with empty tables; its services are in `api.context`. It waits 0.2 s for a connection."""
    folder = tmp_path_factory.mktemp("api")
    environ = {
        "DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'web-detector.sqlite'}",
        "BROKER_URL": valkey.broker_url.replace("virtual_host=0", "virtual_host=9"),
        "RESULT_STORE_URL": valkey.url.replace("db=1", "db=6"),
        "JWT_SECRET_KEY": "x" * 64,
        "RATE_REQUESTS_PER_MINUTE": "0",  # its connection belongs to one event loop, and each test has its own
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_POOL_SECONDS", 0.2)
        made = create_app(load("api", environ))
    Base.metadata.create_all(context.current().engine)
    yield made
    context.current().engine.dispose()


@pytest.fixture(scope="session")
def watcher(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watcher]:
    """A user of an api process that serves live streams."""
    with LiveApi(valkey, tmp_path_factory.mktemp("live")) as running:
        yield running.user()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def each_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """All tables, empty."""
    if request.param == "sqlite":
        made = database.open_database(f"sqlite:///{tmp_path_factory.mktemp('tables') / 'tables.sqlite'}")
    else:
        made = database.open_database(request.getfixturevalue("postgres").create(f"tables-{uuid.uuid4().hex[:8]}"))
    Base.metadata.create_all(made)
    yield made
    made.dispose()
