"""The spec (api/openapi.yaml), read once, and validation of values against its schemas.

The messages are ours, because those of the library repeat the value, passwords included.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from connexion.json_schema import Draft4RequestValidator, resolve_refs
from jsonschema import Draft4Validator, ValidationError
from jsonschema.validators import extend

from contracts.errors import InvalidInput, Malformed

PATH = Path(__file__).parents[1] / "openapi.yaml"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
# What a violated rule says, with the value of the rule.
_SAYS = {
    "type": "is of the wrong type: send a value of type {}",
    "minimum": "is too small: {} at least",
    "maximum": "is too large: {} at most",
    "multipleOf": "is not a multiple of {}",
    "minLength": "is too short: {} characters at least",
    "maxLength": "is too long: {} characters at most",
    "minItems": "has too few items: {} at least",
    "maxItems": "has too many items: {} at most",
    "pattern": "contains characters that are not allowed (pattern: {})",
    "format": "has the wrong format (format: {})",
    "enum": "is not one of the allowed values: {}",
    "uniqueItems": "contains an item twice",
}
# The one in C is ten times as fast, and missing where PyYAML was built without libyaml.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Names from the client that a message repeats.
_NAMES_SHOWN, _NAME_SHOWN = 5, 60


@cache
def spec() -> Mapping[str, Any]:
    """The whole document. Nobody may change it."""
    content: Mapping[str, Any] = yaml.load(PATH.read_bytes(), _LOADER)  # noqa: S506  (a safe one)
    return content


def operations() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Path, method and content of all operations."""
    for path, item in spec()["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


@cache
def schema(name: str) -> Mapping[str, Any]:
    """A schema of the spec's components, with what it refers to."""
    found: Mapping[str, Any] = _resolved()["components"]["schemas"][name]
    return found


@cache
def _resolved() -> Mapping[str, Any]:
    content: Mapping[str, Any] = resolve_refs(spec())
    return content


def check(value: Any, rules: Mapping[str, Any], what: str) -> None:
    """Validate a parsed JSON value against a schema without references. what: the name of the value, for the message.

    Raises InvalidInput for the first rule that is violated, Malformed for a value that is nested too deeply.
    """
    error = _violation(value, rules, what)
    if error is not None:
        raise InvalidInput(_explain(error, what))


def refused_parameter(value: Any, rules: Mapping[str, Any], name: str) -> str | None:
    """Why a parameter of the address or a header is refused, in words; None for a good one."""
    error = _violation(value, rules, name)
    return error and _says(error, name)


def _violation(value: Any, rules: Mapping[str, Any], what: str) -> ValidationError | None:
    validator = _Validator(rules, format_checker=Draft4Validator.FORMAT_CHECKER)
    try:
        return next(validator.iter_errors(value), None)
    except RecursionError:
        raise Malformed(f"{what} is nested too deeply: send what the API docs say") from None


def _unique(_validator: Any, wanted: bool, value: Any, _schema: Any) -> Iterator[ValidationError]:
    """uniqueItems among texts. The library compares each item with each other one, for minutes where they are many or
    of several types. Where the spec says uniqueItems, `items` refuses everything but texts."""
    texts = [item for item in value if isinstance(item, str)] if wanted and isinstance(value, list) else []
    if len(set(texts)) < len(texts):
        yield ValidationError("an item comes twice")


def _additional(validator: Any, wanted: Any, value: Any, rules: Any) -> Iterator[ValidationError]:
    """additionalProperties. The library names all unknown fields in its message, which nobody reads."""
    if wanted is False and "patternProperties" not in rules:
        if isinstance(value, dict) and not value.keys() <= rules.get("properties", {}).keys():
            yield ValidationError("a field is unknown")
    else:
        yield from Draft4Validator.VALIDATORS["additionalProperties"](validator, wanted, value, rules)


_Validator = extend(Draft4RequestValidator, {"uniqueItems": _unique, "additionalProperties": _additional})


def _explain(error: ValidationError, what: str) -> str:
    path = ".".join(_shown(step) for step in error.absolute_path)
    where = path or what
    rule = str(error.validator)
    if rule == "required":
        absent = [name for name in error.validator_value if name not in error.instance]
        return f"{where} is incomplete: add {', '.join(absent)}"
    if rule == "additionalProperties":
        known = error.schema.get("properties", {})
        absent = [name for name in error.instance if name not in known]
        if reasons := [why for name, why in error.schema.get("x-refused", {}).items() if name in absent]:
            return f"{where}: {reasons[0]}"
        more = f" and {len(absent) - _NAMES_SHOWN} more" if len(absent) > _NAMES_SHOWN else ""
        shown = ", ".join(map(_shown, absent[:_NAMES_SHOWN]))
        return f"{where} has an unknown field: {shown}{more}; allowed are: {', '.join(known)}"
    return _says(error, where)


def _says(error: ValidationError, where: str) -> str:
    rule, wanted = str(error.validator), error.validator_value
    shown = ", ".join(map(str, wanted)) if isinstance(wanted, list) else wanted
    return f"{where} {_SAYS.get(rule, f'violates the rule {rule!r}: {{}}').format(shown)}"


def _shown(name: Any) -> str:
    text = str(name)
    return text if len(text) <= _NAME_SHOWN else f"{text[:_NAME_SHOWN]}..."
