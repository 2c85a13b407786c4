"""The tables in each database."""

import pytest
from sqlalchemy import Engine

from tests.support.searching import SearchDesk


@pytest.fixture(scope="module")
def engine(each_database: Engine) -> Engine:
    return each_database


@pytest.fixture
def desk(engine: Engine) -> SearchDesk:
    """A new user."""
    return SearchDesk(engine)
