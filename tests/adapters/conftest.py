"""Storages for the conformance suites: a folder, memory, and a bucket of a local object store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.storage.local import LocalStorage
from contracts.storage.port import Storage
from tests.support.fakes import MemoryStorage
from tests.support.servers.debian import require
from tests.support.servers.s3 import Bucket, ObjectStore


@pytest.fixture(scope="module")
def object_store() -> Iterator[ObjectStore]:
    """One object store per module."""
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
