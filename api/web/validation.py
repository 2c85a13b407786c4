"""Validation against the spec: an invalid body is 422, an invalid parameter 400. The messages are ours because the
library's would repeat the value, passwords included."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

from connexion.validators.json import JSONRequestBodyValidator
from connexion.validators.parameter import ParameterValidator
from jsonschema import ValidationError
from starlette.types import Scope

from contracts.errors import InvalidInput, Malformed

_SAYS = {
    "required": "is incomplete",
    "additionalProperties": "has an unknown field",
    "type": "is of the wrong type",
    "minimum": "is too small",
    "maximum": "is too large",
    "minLength": "is too short",
    "maxLength": "is too long",
    "minItems": "has too few items",
    "maxItems": "has too many items",
    "pattern": "contains characters that are not allowed",
    "format": "has the wrong format",
    "enum": "is not one of the allowed values",
    "uniqueItems": "contains an item twice",
}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class BodyValidator(JSONRequestBodyValidator):  # type: ignore[misc]
    """Connexion's validator with the project's errors."""

    async def _parse(self, stream: AsyncIterator[bytes], scope: Scope) -> Any:
        data = b"".join([piece async for piece in stream])
        if not data:
            return None
        try:
            body = json.loads(data)
            json.dumps(body, ensure_ascii=False).encode()  # fails for half a surrogate pair
        except (ValueError, RecursionError) as error:
            raise Malformed("the body is not JSON in UTF-8, or is nested too deeply: send valid JSON") from error
        if body is None:  # would be treated as a missing body
            raise InvalidInput("the body is null: send a JSON object")
        return body

    def _validate(self, body: Any) -> None:
        if body is None and not self._required:
            return
        if body is None:
            if not self._required:
                return
            raise Malformed("the body is missing: send a JSON object")
        error = next(iter(self._validator.iter_errors(body)), None)
        if error is not None:
            raise InvalidInput(_explain(error))


class IdValidator(ParameterValidator):  # type: ignore[misc]
    """Connexion's validator with a check of ids in the query. An invalid id in the path is left to the handler, which
    answers 404."""

    @staticmethod
    def validate_parameter(
        parameter_type: str, value: Any, param: dict[str, Any], param_name: str | None = None
    ) -> str | None:
        is_id = parameter_type == "query" and param["schema"].get("format") == "uuid"
        if is_id and value is not None and not _UUID.fullmatch(str(value)):
            return f"{param['name']} is not an id: omit it, or use an id from the service (a UUID)"
        error: str | None = ParameterValidator.validate_parameter(parameter_type, value, param, param_name)
        return error


def _explain(error: ValidationError) -> str:
    where = ".".join(str(step) for step in error.absolute_path) or "the body"
    rule = str(error.validator)
    says = _SAYS.get(rule, f"violates the rule {rule!r}")
    if rule == "required":
        absent = [name for name in error.validator_value if name not in error.instance]
        return f"{where} {says}: add {', '.join(absent)}"
    if rule == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = [name for name in error.instance if name not in known]
        return f"{where} {says}: {', '.join(unknown)}; allowed are: {', '.join(known)}"
    return f"{where} {says} ({rule}: {error.validator_value})"
