"""Large bodies are refused before they cost much, whatever the operation."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from connexion.json_schema import resolve_refs

from api.requests.json_document import parse
from api.requests.spec import check, operations, spec
from contracts.errors import InvalidInput, Malformed

BODY_BYTES = 1024 * 1024
SECONDS = 0.3
_COST_NOTHING = ("description", "example", "default", "minimum", "maximum", "nullable")
RESOLVED = resolve_refs(spec())
BODIES = [
    (operation["operationId"], content["application/json"]["schema"])
    for path, method, _ in operations()
    if (operation := RESOLVED["paths"][path][method]) and (content := operation.get("requestBody", {}).get("content"))
    if "application/json" in content
]


def filled(item: str) -> list[Any]:
    """As many of an item as a body has room for."""
    items: list[Any] = json.loads("[" + ",".join([item] * (BODY_BYTES // (len(item) + 1) - 1)) + "]")
    return items


LARGE: dict[str, Any] = {
    "objects": [{"a": number} for number in range(BODY_BYTES // 14)],
    "mixed": [*range(80_000), *({"a": number} for number in range(40_000))],
    "same text": filled('"read"'),
    "texts": [f"person{number}" for number in range(BODY_BYTES // 16)],
    "numbers": filled("0"),
    "text": "a" * BODY_BYTES,
    "unknown": {f"name{number}": number for number in range(BODY_BYTES // 18)},
    "deep": json.loads("[" * 900 + "]" * 900),
}


def _deciding(schema: Any) -> Any:
    """A schema without what costs nothing, however large the value."""
    if isinstance(schema, dict):
        return {key: _deciding(inner) for key, inner in schema.items() if key not in _COST_NOTHING}
    return schema


def values(schema: dict[str, Any], large: Any, seen: set[str]) -> Iterator[Any]:
    """Bodies with the large value in the place of the body, and of each property whose schema is not among those seen
    in other bodies."""
    if (key := json.dumps(_deciding(schema))) in seen:
        return
    seen.add(key)
    yield large
    for name, inner in schema.get("properties", {}).items():
        for value in values(inner, large, seen):
            yield {name: value}


@pytest.mark.parametrize("kind", LARGE)
def test_a_large_body_of_any_operation_is_refused_in_a_moment(kind: str) -> None:
    assert len(BODIES) >= 9
    data = json.dumps(LARGE[kind], separators=(",", ":")).encode()
    began = time.process_time()
    parse(data, "the body")
    parsed = time.process_time() - began
    seen: set[str] = set()
    for operation, schema in BODIES:
        for value in values(schema, LARGE[kind], seen):
            began = time.process_time()
            with pytest.raises((InvalidInput, Malformed)) as refusal:
                check(value, schema, "the body")
            assert parsed + time.process_time() - began < SECONDS, f"{operation}: {str(value)[:80]}"
            assert len(refusal.value.detail) < 1000
