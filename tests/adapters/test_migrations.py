"""The migrations build exactly the tables that the services use."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.engine import Engine

from contracts.database.engine import open_database
from contracts.database.tables import REVISION, Base
from tests.support.servers.debian import Postgres
from tests.support.waiting import until

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%%'"
INI = Path(__file__).parents[2] / "migrations" / "alembic.ini"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path / 'tables.sqlite'}"
    monkeypatch.setenv("DATABASE_URL", url)
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture
def config() -> Config:
    return Config(INI)


def test_an_upgrade_from_empty_builds_the_tables_of_the_contracts(engine: Engine, config: Config) -> None:
    command.upgrade(config, "head")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_an_upgrade_that_has_nothing_to_do_changes_nothing(engine: Engine, config: Config) -> None:
    newest = ScriptDirectory.from_config(config).get_current_head()
    command.upgrade(config, "head")
    command.upgrade(config, "head")
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == newest


def test_the_contracts_name_the_newest_revision(config: Config) -> None:
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_the_way_down_leaves_no_table_of_ours(engine: Engine, config: Config) -> None:
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]


def test_postgresql_makes_indexes_beside_others_and_adds_up_what_is_there(postgres: Postgres, config: Config) -> None:
    url = postgres.create("migrated")
    config.attributes["url"] = url
    command.upgrade(config, "0016")
    engine = open_database(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO users (id, username, password_hash, created_at) VALUES ('u', 'u', '-', now());"
            "INSERT INTO videos (id, user_id, content_type, tags, size_bytes, sha256, created_at)"
            " SELECT n, 'u', '-', '[]', n, '-', now() FROM generate_series(1, 3) AS n;"
            "INSERT INTO renditions (id, user_id, video_id, kind, options, state, frames_done, size_bytes, created_at)"
            " VALUES ('r', 'u', '1', 'poster', '{}', 'ready', 1, 50, now());"
            "INSERT INTO streams"
            " (id, user_id, name, kind, model, options, wanted, revision, started_at, created_at)"
            " VALUES ('s', 'u', '-', 'whip', 'm', '{}', 'running', 1, now(), now());"
            "INSERT INTO recordings"
            " (id, stream_id, source_id, user_id, state, start, started_at, size_bytes, instance, created_at)"
            " SELECT state, 's', 's', 'u', state, 0, now(), 7, '-', now()"
            " FROM unnest(ARRAY['open', 'filed', 'failed']) AS state;"
            "INSERT INTO jobs (id, user_id, video_id, model, options, state, cancel_requested, frames_done,"
            " failed_ranges, tracks, created_at) SELECT n, 'u', '1', 'm', '{}', 'succeeded', false, 1, '[]',"
            ' \'{"state": "ready"}\', now() FROM generate_series(1, 2) AS n;'
            "INSERT INTO indexed_jobs (user_id, job_id, tracks, ready) VALUES ('u', '1', 0, true);"
            "CREATE INDEX ix_videos_created ON videos (id);"  # as an attempt that was interrupted leaves one
            "CREATE TABLE recorded_bytes (id INTEGER);"
            "CREATE FUNCTION note_tracks() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
        )
    command.upgrade(config, "head")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT * FROM stored_bytes").all() == [("u", 6, 50)]
        assert connection.exec_driver_sql("SELECT stream_id, bytes FROM recorded_bytes").all() == [("s", 14)]
        assert connection.exec_driver_sql("SELECT job_id FROM unindexed_jobs").scalars().all() == ["2"]
        assert connection.exec_driver_sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid").scalar() == 0
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()
    assert not [line for line in postgres.complaints() if "no transaction" in line]


def test_an_upgrade_that_was_cut_while_it_made_an_index_is_done_again(postgres: Postgres, config: Config) -> None:
    config.attributes["url"] = url = postgres.create("cut")
    command.upgrade(config, "0018")
    engine, failures = open_database(url), list[Exception]()

    def upgrade() -> None:
        try:
            command.upgrade(config, "head")
        except Exception as error:
            failures.append(error)

    upgrading = threading.Thread(target=upgrade)
    with engine.connect() as writer, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as operator:
        writer.exec_driver_sql("LOCK TABLE videos IN ROW EXCLUSIVE MODE")  # for which the index has to wait
        upgrading.start()
        until(lambda: operator.exec_driver_sql(CUT).scalar() or failures)
        upgrading.join()
    assert failures, "it was not cut"
    config.attributes["url"] = url
    command.upgrade(config, "head")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid").scalar() == 0
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()
    postgres.complaints()  # of the end of a connection


FAILING = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "fails", "{newest}"


def upgrade() -> None:
    op.create_table("half", sa.Column("id", sa.Integer()))
    raise RuntimeError("no")
"""


def test_a_failed_upgrade_leaves_nothing_half_done(engine: Engine, tmp_path: Path) -> None:
    copy = tmp_path / "migrations"
    shutil.copytree(INI.parent, copy)
    newest = ScriptDirectory.from_config(Config(copy / "alembic.ini")).get_current_head()
    (copy / "versions" / "fails.py").write_text(FAILING.format(newest=newest))
    with pytest.raises(RuntimeError, match="no"):
        command.upgrade(Config(copy / "alembic.ini"), "head")
    assert inspect(engine).get_table_names() == []


def test_the_command_line_works_from_any_folder(engine: Engine, tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "alembic", "-c", str(INI), "upgrade", "head"]
    subprocess.run(arguments, cwd=tmp_path, env=dict(os.environ), check=True, timeout=60)
    assert "jobs" in inspect(engine).get_table_names()


def test_it_says_what_is_missing_without_a_database(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    arguments = [sys.executable, "-m", "alembic", "-c", str(INI), "upgrade", "head"]
    ended = subprocess.run(arguments, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.strip() == "DATABASE_URL is not set: the SQLAlchemy URL of the tables"
