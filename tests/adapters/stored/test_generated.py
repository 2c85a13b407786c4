"""The rows that `make bench-stored` and `make bench-sweep` generate, and what these ask."""

from pathlib import Path

import pytest
from sqlalchemy import inspect

from api.context import context
from benchmarks.stored.asked import asked, settings_in
from benchmarks.stored.loading import load
from benchmarks.stored.rows import RECORDED, Stored
from benchmarks.stored.run import measure, meter
from benchmarks.stored.sweep import OF_A_VIDEO, fill_folder, swept, tables_of
from contracts.database.engine import open_database
from contracts.database.tables import Base, utcnow
from tests.support.servers.valkey import Valkey

VIDEOS = 200


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_rows_are_whole_tables(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = f"sqlite:///{tmp_path / 'tables.sqlite'}" if kind == "sqlite" else request.getfixturevalue("url")
    engine = open_database(url)
    load(engine, Stored(VIDEOS, utcnow()).tables())
    with engine.connect() as connection:
        sums = connection.exec_driver_sql("SELECT sum(videos), sum(renditions) FROM stored_bytes").one()
        assert sums == (VIDEOS * 47_000_000, VIDEOS * 30_000)
        noted = connection.exec_driver_sql("SELECT sum(bytes) FROM recorded_bytes").scalar_one()
        assert noted == VIDEOS // RECORDED * 47_000_000
        if kind == "sqlite":
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    for table in Base.metadata.tables.values():
        there = {str(index["name"]) for index in inspect(engine).get_indexes(table.name)}
        assert {str(index.name) for index in table.indexes} <= there
    engine.dispose()


def test_all_that_is_asked_is_answered(tmp_path: Path, valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "_value", None)  # so that it is as before, after this
    stored, url = Stored(VIDEOS, utcnow()), f"sqlite:///{tmp_path / 'tables.sqlite'}"
    engine = open_database(url)
    load(engine, stored.tables())
    engine.dispose()
    broker, store = valkey.broker_url.replace("virtual_host=0", "virtual_host=13"), valkey.url.replace("db=1", "db=14")
    with asked(stored, settings_in(tmp_path, url, broker, store)) as all_of_it:
        found = measure(all_of_it.requests() | all_of_it.of_the_api() | all_of_it.periodic(), 1, meter())
    assert all(len(clock) == len(processor) == 1 for clock, processor in found.values())


def test_a_sweep_looks_at_all_that_is_stored(tmp_path: Path) -> None:
    engine = tables_of(tmp_path, VIDEOS)
    storage = fill_folder(tmp_path / "stored", VIDEOS)
    found = swept(storage, engine, VIDEOS * OF_A_VIDEO)
    assert (found.objects, found.turns) == (VIDEOS * OF_A_VIDEO, 1)
    assert sum(len(stretch.idle) for stretch in storage.walk(0)) == found.objects, "something was removed"
    engine.dispose()
