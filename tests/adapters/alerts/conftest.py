"""The tables in each database."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from contracts.database.engine import open_database
from contracts.database.tables import Base
from tests.support.searching import SearchDesk


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("alerts")
        made = open_database(f"sqlite:///{folder / 'tables.sqlite'}")
    else:
        made = open_database(request.getfixturevalue("postgres").create(f"alerts-{uuid.uuid4().hex[:8]}"))
    Base.metadata.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def desk(engine: Engine) -> SearchDesk:
    """A new user."""
    return SearchDesk(engine)
