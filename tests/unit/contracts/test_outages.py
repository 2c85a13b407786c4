"""Errors of the database that pass by themselves, and those that do not."""

import pytest
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from contracts.database.outages import is_outage, took_too_long


def raised(kind: type[DBAPIError], code: str = "", *, invalidated: bool = False) -> DBAPIError:
    return kind("SELECT", {}, Exception({"C": code} if code else "said"), connection_invalidated=invalidated)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(raised(OperationalError), True, id="a locked database"),
        pytest.param(raised(InterfaceError), True, id="no connection"),
        pytest.param(PoolTimeout(), True, id="no connection free"),
        pytest.param(raised(ProgrammingError, "57P01"), True, id="a server that ends"),
        pytest.param(raised(DBAPIError, "40P01"), True, id="a deadlock"),
        pytest.param(raised(ProgrammingError, invalidated=True), True, id="a lost connection"),
        pytest.param(raised(ProgrammingError, "57014"), False, id="a statement that took too long"),
        pytest.param(raised(ProgrammingError, "22001"), False, id="a text that is too long"),
        pytest.param(raised(DataError), False, id="a value that is refused"),
        pytest.param(SQLAlchemyError("wrong"), False, id="a wrong statement"),
    ],
)
def test_outages_are_told_from_refusals(error: SQLAlchemyError, expected: bool) -> None:
    assert is_outage(error) is expected


@pytest.mark.parametrize(("code", "expected"), [("57014", True), ("55P03", True), ("57P01", False), ("", False)])
def test_what_took_too_long_is_told_from_the_rest(code: str, expected: bool) -> None:
    assert took_too_long(raised(ProgrammingError, code)) is expected
