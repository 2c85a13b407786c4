"""Validation of requests against the spec: an invalid body is 422, an invalid parameter 400."""

import functools
import math
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from connexion.validators.json import JSONRequestBodyValidator
from connexion.validators.parameter import ParameterValidator
from jsonschema import Draft4Validator
from starlette.types import Scope

from api.requests.json_document import parse
from api.requests.spec import check, refused_parameter
from contracts.errors import InvalidInput, Malformed

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class BodyValidator(JSONRequestBodyValidator):  # type: ignore[misc]
    """Connexion's validator with the project's errors."""

    async def _parse(self, stream: AsyncIterator[bytes], scope: Scope) -> Any:
        data = b"".join([piece async for piece in stream])
        if not data:
            return None
        body = parse(data, "the body")
        if body is None:  # would be treated as a missing body
            raise InvalidInput("the body is null: send a JSON object")
        return body

    def _validate(self, body: Any) -> None:
        if body is not None:
            check(body, self._schema, "the body")
        elif self._required:
            raise Malformed("the body is missing: send a JSON object")


class QueryValidator(ParameterValidator):  # type: ignore[misc]
    """Connexion's validator with the project's messages, which name the parameter, and a check of ids in the query, of
    NUL, which no table holds, and of NaN, which is within all bounds. An invalid id in the path is left to the handler,
    which answers 404."""

    @staticmethod
    def validate_parameter(
        parameter_type: str, value: Any, param: dict[str, Any], param_name: str | None = None
    ) -> str | None:
        is_id = parameter_type == "query" and param["schema"].get("format") == "uuid"
        if is_id and value is not None and not _UUID.fullmatch(str(value)):
            return f"{param['name']} is not an id: omit it, or use an id from the service (a UUID)"
        parts = value if isinstance(value, list) else [value]
        if any("\0" in str(part) for part in parts):
            return f"{param['name']} contains the character NUL (%00), which is in no text: leave it out"
        if any(isinstance(part, float) and not math.isfinite(part) for part in parts):
            return f"{param['name']} is no number that can be reckoned with: give a finite one"
        if value is not None and _validator(msgspec.json.encode(param["schema"])).is_valid(value):
            return None
        error: str | None = ParameterValidator.validate_parameter(parameter_type, value, param, param_name)
        if error is None or value is None:
            return error
        return refused_parameter(value, param["schema"], param["name"]) or error


@functools.cache
def _validator(schema: bytes) -> Draft4Validator:
    """That of a schema in JSON, of which the spec has few. Connexion makes one of a copy of the schema for each
    parameter of each request, which takes longer than all else in the event loop."""
    return Draft4Validator(msgspec.json.decode(schema), format_checker=Draft4Validator.FORMAT_CHECKER)
