"""`web-detector doctor`: finds nothing wrong with a service that runs, and names what is wrong with one that ails."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from contracts.database.tables import REVISION
from contracts.models.catalogue import bundled, write_entry
from contracts.settings.load import load
from processor.operator.doctor import Finding, examine
from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import Service, free_port
from tests.support.operator_command import command
from tests.support.processor_bench import InProcessProcessor
from tests.support.servers.valkey import Valkey

NOWHERE = f"http://127.0.0.1:{free_port()}"


def test_running_service_is_healthy(service: Service) -> None:
    """As the image of the processor has it: with that one's Python, folder and environment."""
    worker = service.processes(r"processor\.worker")[0]
    environ = worker.environ()
    python = shutil.which(worker.cmdline()[0], path=environ["PATH"])
    assert python
    words = [python, "-m", "processor.operator", "doctor", "--json", "--url", service.url]
    done = subprocess.run(words, cwd=worker.cwd(), env=environ, capture_output=True, text=True, timeout=120)
    found = {finding["part"]: finding for finding in map(json.loads, done.stdout.splitlines())}
    assert {name for name, finding in found.items() if finding["state"] == "bad"} == set(), done.stdout + done.stderr
    assert done.returncode == 0
    assert set(found) == {
        *("database", "redis", "result store", "broker", "clock"),
        *("storage", "video libraries", "models", "workers", "streams", "api"),
    }
    # Beside models that jobs of other tests have named.
    assert re.search(rf"ready in detectors: .*\b{service.settings().default_model}\b", found["models"]["seen"])
    assert "1 processor, 1 renderer" in found["workers"]["seen"]
    assert "STREAM_SECRET_KEY" not in found["streams"].get("advice", "")
    assert not [name for name in service.stored_files() if name.startswith("doctor")]
    if isinstance(service, Embedded):
        easy = command({"DATA_DIR": service.env["DATA_DIR"]}, "doctor")
        assert easy.returncode == 0, easy.stdout + easy.stderr
        assert f"  api: {service.url}" in easy.stdout


@pytest.fixture
def desk(tmp_path: Path, valkey: Valkey) -> Iterator[InProcessProcessor]:
    """A service without any worker and without api."""
    made = InProcessProcessor(tmp_path, valkey)
    yield made
    made.close()


def findings(desk: InProcessProcessor, **settings: str) -> dict[str, Finding]:
    return {one.part: one for one in examine(load(None, {**desk.environ, **settings}), NOWHERE)}


def wrong(found: dict[str, Finding]) -> set[str]:
    return {name for name, finding in found.items() if finding.state == "bad"}


def test_stopped_parts_are_named(desk: InProcessProcessor) -> None:
    found = findings(desk)
    assert wrong(found) == {"workers", "api"}
    assert found["workers"].seen == "0 processors, 0 renderers, 0 detectors, 0 ingests, 0 live detectors"
    assert "start processor, renderer, detector, ingest, live detector, or" in found["workers"].advice
    assert NOWHERE in found["api"].seen
    assert "start the service" in found["api"].advice


def test_unreachable_servers_are_named_without_passwords(desk: InProcessProcessor) -> None:
    nobody = f"redis://user:hunter22@127.0.0.1:{free_port()}/0"
    found = findings(desk, BROKER_URL=nobody, RESULT_STORE_URL=nobody, DATABASE_URL="sqlite:////nowhere/at/all")
    assert {"database", "redis", "result store", "broker", "clock", "workers"} <= wrong(found)
    assert not any("hunter22" in finding.seen + finding.advice for finding in found.values())
    assert all(found[name].advice for name in ("database", "redis", "broker"))


def test_tables_of_another_revision_are_named(desk: InProcessProcessor) -> None:
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    found = findings(desk)["database"]
    assert found.seen == f"the tables have revision 0001, but this release needs {REVISION}"
    assert "migrate" in found.advice
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert "newer release" in findings(desk)["database"].advice


def test_a_storage_that_cannot_be_written_is_named(desk: InProcessProcessor, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    found = findings(desk, STORAGE_DIR=str(tmp_path / "file"))["storage"]
    assert (found.state, "STORAGE_DIR" in found.advice) == ("bad", True)


def test_models_that_differ_from_their_entries_are_named(desk: InProcessProcessor, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    entry = bundled("nanodet-g")
    (folder / "nanodet-g.json").write_bytes(write_entry(entry))
    assert "is missing" in findings(desk)["models"].seen
    (folder / entry.file).write_bytes(b"something else")
    assert "does not match its catalogue entry" in findings(desk)["models"].seen
    (folder / "nanodet-g.json").unlink()
    (folder / "other.json").write_text("{}")
    assert "the catalogue entry of other cannot be read" in findings(desk)["models"].seen
    (folder / "other.json").unlink()
    assert "there is no model 'none'" in findings(desk, DEFAULT_MODEL="none")["models"].seen


def test_redis_with_eviction_is_named(desk: InProcessProcessor, valkey: Valkey) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            found = findings(desk)["redis"]
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert (found.state, "noeviction" in found.advice) == ("bad", True)


def test_stopped_service_differs_from_a_missing_one(tmp_path: Path) -> None:
    never = command({"DATA_DIR": str(tmp_path / "none")}, "doctor")
    assert (never.returncode, "there is no service in" in never.stderr) == (2, True)
