"""An administrator remains, whatever administrators do to each other at the same time."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.access.passwords import DISABLED
from api.tables.users import UserTable
from contracts.database.engine import open_database
from contracts.database.tables import Base
from contracts.errors import Conflict


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    sqlite = request.param == "sqlite"
    engine = open_database(f"sqlite:///{tmp_path}/tables.sqlite" if sqlite else request.getfixturevalue("url"))
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_of_two_administrators_who_demote_each_other_one_remains(engine: Engine) -> None:
    table = UserTable(engine)
    admins = [table.add(name, "hash", "admin").id for name in ("alice", "bob")]
    table.add("carol", DISABLED, "admin")  # cannot log in
    start, refused = threading.Barrier(2), []

    def demote(user_id: str) -> None:
        start.wait()
        try:
            table.change(user_id, leave_admin=True, role="user")
        except Conflict as error:
            refused.append(error.detail)

    threads = [threading.Thread(target=demote, args=(user_id,)) for user_id in admins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert "the last administrator" in refused[0]
    assert sorted(table.get(user_id).role for user_id in admins) == ["admin", "user"]


def test_quotas_of_the_last_administrator_and_the_operator_are_free(engine: Engine) -> None:
    table = UserTable(engine)
    alice = table.add("alice", "hash", "admin").id
    assert table.change(alice, leave_admin=True, quotas={"active_jobs": 1})[1] == ["quotas"]
    assert table.change(alice, leave_admin=True, role="admin")[1] == []
    assert table.change(alice, role="user")[1] == ["role"]
