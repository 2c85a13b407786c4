"""Parameters are checked as Connexion itself checks them, and ids in the query besides."""

from typing import Any

import pytest
from connexion.uri_parsing import OpenAPIURIParser
from connexion.validators.parameter import ParameterValidator

from api.web.validation import QueryValidator
from contracts.database.tables import new_id

VALUES: list[Any] = [
    None,
    "",
    "null",
    "person",
    new_id(),
    "no-id",
    0,
    1,
    -1,
    1e9,
    1.5,
    True,
    [],
    ["queued"],
    ["x", "x"],
]
SCHEMAS: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "string", "enum": ["poster", "playable"]},
    {"type": "string", "minLength": 1, "maxLength": 5},
    {"type": "string", "nullable": True},
    {"type": "integer", "minimum": 0, "maximum": 100},
    {"type": "number"},
    {"type": "boolean"},
    {"type": "array", "items": {"type": "string", "enum": ["queued", "running"]}, "uniqueItems": True},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
@pytest.mark.parametrize("where", ["path", "query", "header"])
def test_a_parameter_is_refused_where_connexion_refuses_it(where: str, schema: dict[str, Any]) -> None:
    for required in (True, False):
        parameter = {"name": "one", "in": where, "required": required, "schema": schema}
        for value in VALUES:
            refused = ParameterValidator.validate_parameter(where, value, parameter) is not None
            assert (QueryValidator.validate_parameter(where, value, parameter) is not None) == refused, value


@pytest.mark.parametrize("text", ["nan", "inf", "-1e400"])
def test_what_is_no_finite_number_is_refused_whatever_the_bounds_are(text: str) -> None:
    for bounds in ({}, {"minimum": 0, "maximum": 1e12}):
        parameter = {"name": "at_ms", "in": "query", "schema": {"type": "number", **bounds}}
        value = OpenAPIURIParser([parameter], {}).resolve_params({"at_ms": [text]}, "query")["at_ms"]
        assert str(QueryValidator.validate_parameter("query", value, parameter)).startswith("at_ms is ")


def test_an_id_is_checked_in_the_query_and_not_in_the_path() -> None:
    parameter = {"name": "video_id", "in": "query", "schema": {"type": "string", "format": "uuid"}}
    assert QueryValidator.validate_parameter("query", new_id(), parameter) is None
    assert "video_id is not an id" in str(QueryValidator.validate_parameter("query", "no-id", parameter))
    assert QueryValidator.validate_parameter("path", "no-id", parameter) is None
