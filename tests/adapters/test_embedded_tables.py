"""Tables of embedded mode are made without Alembic where that is possible, and are those that it makes."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from cli.embedded import tables
from contracts.database.tables import REVISION
from tools import sqlite_tables

MIGRATIONS = sqlite_tables.MIGRATIONS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tables.sqlite"


def upgrade(file: Path, revision: str) -> None:
    config = Config(MIGRATIONS / "alembic.ini")
    config.attributes["url"] = f"sqlite:///{file}"
    command.upgrade(config, revision)


def content(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def test_the_script_is_what_the_migrations_make() -> None:
    """Up to its revision: Alembic does the rest where it was not made anew after a migration, which takes longer."""
    made = sqlite_tables.SCRIPT.read_text()
    (revision,) = re.findall(r"VALUES\('(\d+)'\);\n$", made)
    assert made == sqlite_tables.script(revision), "run: python -m tools.sqlite_tables"


def test_a_new_file_gets_the_tables_and_keeps_them(file: Path) -> None:
    tables.are_current(file, MIGRATIONS)
    upgrade(file, "head")
    assert tables.newest_revision(MIGRATIONS) == REVISION
    made = content(file)
    assert f"INSERT INTO \"alembic_version\" VALUES('{REVISION}');" in made
    assert tables.are_current(file, MIGRATIONS)
    assert content(file) == made


def test_a_new_file_needs_no_alembic_where_the_script_is_the_newest(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "sqlite.sql").write_text(sqlite_tables.script())
    assert tables.are_current(file, copy)
    made = content(file)
    upgrade(file, "head")
    assert content(file) == made, "Alembic has nothing to do"


@pytest.mark.parametrize("revision", ["0001", "0008"])
def test_older_tables_are_left_to_alembic(file: Path, revision: str) -> None:
    upgrade(file, revision)
    before = content(file)
    assert not tables.are_current(file, MIGRATIONS)
    assert content(file) == before


def test_a_script_older_than_the_newest_migration_is_left_to_alembic(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "versions" / "9999_newer.py").touch()
    assert not tables.are_current(file, copy)
    upgrade(file, "head")
    assert tables.are_current(file, MIGRATIONS)


def test_a_file_that_is_no_database_is_left_to_alembic(file: Path) -> None:
    file.write_bytes(b"no database" * 100)
    assert not tables.are_current(file, MIGRATIONS)
    assert file.read_bytes() == b"no database" * 100


def test_a_script_that_fails_leaves_no_table(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "sqlite.sql").write_text("CREATE TABLE one (id INTEGER);\nCREATE TABLE one (id INTEGER);\n")
    assert not tables.are_current(file, copy)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
