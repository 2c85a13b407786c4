"""Bodies against the schemas of the spec: what is refused."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from connexion.json_schema import resolve_refs

from api.requests.job_options import checked_options, parse_form_options
from api.requests.json_document import parse
from api.requests.spec import check, operations, refused_parameter, spec
from api.web.validation import QueryValidator
from contracts.errors import InvalidInput, InvalidOptions, Malformed
from contracts.models.catalogue import bundled
from contracts.wire.messages import encode

MODEL = bundled("nanodet-g")
STREAM_OPTIONS = spec()["components"]["schemas"]["StreamOptions"]
RESOLVED = resolve_refs(spec())


def schemas(node: Any, *path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """All schemas with a type within a node of the spec."""
    if isinstance(node, dict):
        if isinstance(node.get("type"), str):
            yield ".".join(path), node
        for name, inner in node.items():
            yield from schemas(inner, *path, str(name))


def arrays_sent() -> Iterator[tuple[str, dict[str, Any]]]:
    """The arrays that clients send, in bodies and in the address."""
    for path, method, operation in operations():
        sent = [RESOLVED["paths"][path][method].get("requestBody", {})]
        for parameter in operation.get("parameters", []):
            name = parameter.get("$ref", "").rpartition("/")[2]
            sent.append(spec()["components"]["parameters"][name] if name else parameter)
        for part in sent:
            yield from ((name, found) for name, found in schemas(part, path, method) if found["type"] == "array")


def test_arrays_from_clients_are_bounded_and_compared_as_texts() -> None:
    found = list(arrays_sent())
    assert {name.rpartition(".")[2] for name, _ in found} >= {"scopes", "labels", "tags", "schema"}
    for name, array in found:
        assert "maxItems" in array, name
        keywords = list(array)
        assert keywords.index("maxItems") < keywords.index("items"), f"{name}: all items are looked at first"
        assert not array.get("uniqueItems") or array["items"]["type"] == "string", name


@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "-Infinity", "1e999", "9" * 20, "-" + "9" * 4000, '"\\ud800"', '{"\\uDFFF": 1}', "[" * 100_000),
        *('"a\\u0000b"', '{"\\u0000": 1}', '"\\\\\\u0000"'),
    ],
)
def test_values_that_no_table_holds_are_refused(text: str) -> None:
    with pytest.raises(Malformed, match="the body"):
        parse(text.encode(), "the body")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_json_in_another_encoding_than_utf_8_is_refused(encoding: str) -> None:
    with pytest.raises(Malformed, match="UTF-8"):
        parse('{"a": "\\u0000"}'.encode(encoding), "the body")
    assert parse('{"a": "ü"}'.encode("utf-8-sig"), "the body") == {"a": "ü"}


def test_values_of_64_bits_and_whole_pairs_are_read() -> None:
    text = f'[{2**63 - 1}, {-(2**63) + 1}, 1.5e300, "\\ud83d\\ude00", "\\\\ud800", "\\\\u0000"]'
    assert parse(text.encode(), "the body") == [2**63 - 1, -(2**63) + 1, 1.5e300, "\U0001f600", "\\ud800", "\\u0000"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (json.dumps({"labels": ["person"] * 43_600}), "labels has too many items"),
        ('{"labels": ["person", "person"]}', "labels contains an item twice"),
        (json.dumps({"labels": ["x" * 100_000]}), "labels.0 is too long"),
        ('{"every_n": 100000000000000000000}', "an integer is too large"),
        ('{"every_n": 1000000000}', "every_n is too large"),
        ('{"every_n": 2.5}', "every_n is of the wrong type"),
        ('{"start_ms": 1e400}', "a number is too large"),
        ('{"min_score": NaN}', "NaN is not a number"),
        ('{"labels": ["\\ud800"]}', "is not JSON"),
        ('{"model": "\\ud800"}', "is not JSON"),
        ('{"speed": 1}', "options has an unknown field: speed"),
        ('{"frames": "often"}', "frames is not one of the allowed values"),
        ('{"min_score": null}', "min_score is of the wrong type"),
    ],
)
def test_options_of_a_form_keep_to_the_schema_of_a_body(options: str, says: str) -> None:
    with pytest.raises(InvalidOptions) as refusal:
        checked_options(MODEL, parse_form_options(None, options)[1])
    assert says in refusal.value.detail
    assert len(refusal.value.detail) < 1000


@pytest.mark.parametrize(
    ("rules", "value", "says"),
    [
        ({"type": "integer", "maximum": 200}, 100_000, "limit is too large: 200 at most"),
        ({"type": "integer", "minimum": 1}, "abc", "limit is of the wrong type: send a value of type integer"),
        ({"type": "string", "minLength": 10}, "yesterday", "limit is too short: 10 characters at least"),
        (
            {"type": "array", "items": {"type": "string", "enum": ["enters", "leaves"]}},
            ["foo"],
            "limit is not one of the allowed values: enters, leaves",
        ),
        ({"type": "integer", "maximum": 200}, 200, None),
    ],
)
def test_a_refused_parameter_is_named_with_its_rule(rules: dict[str, Any], value: Any, says: str | None) -> None:
    assert refused_parameter(value, rules, "limit") == says


@pytest.mark.parametrize(("kind", "value"), [("string", "a\0b"), ("array", ["a", "\0"])])
def test_a_parameter_with_nul_is_refused(kind: str, value: Any) -> None:
    said = QueryValidator.validate_parameter("query", value, {"name": "label", "schema": {"type": kind}})
    assert said == "label contains the character NUL (%00), which is in no text: leave it out"


@pytest.mark.parametrize("option", ['"every_n": 5', '"sample_fps": 2', '"masks": true'])
def test_frames_exclude_what_they_cannot_go_with(option: str) -> None:
    model = msgspec.structs.replace(MODEL, masks=True)
    given = parse_form_options(None, f'{{"frames": "balanced", {option}}}')[1]
    with pytest.raises(InvalidOptions, match=r"exclude each other: .*fill.*Leave out one"):
        checked_options(model, given)
    every_frame = parse_form_options(None, f'{{"frames": "all", {option}}}')[1]
    without = parse_form_options(None, f"{{{option}}}")[1]
    assert encode(checked_options(model, every_frame)) == encode(checked_options(model, without))


def test_a_live_stream_has_no_filled_frames_and_says_why() -> None:
    with pytest.raises(InvalidInput, match="the later one is not there yet"):
        check({"frames": "balanced"}, STREAM_OPTIONS, "options")
    with pytest.raises(InvalidInput, match="unknown field: speed"):
        check({"speed": 1}, STREAM_OPTIONS, "options")


def test_options_of_a_form_are_read() -> None:
    model, options = parse_form_options(
        None, '{"model": "nanodet-g", "labels": ["person"], "every_n": 5, "start_ms": 2}'
    )
    settled = checked_options(MODEL, options)
    assert (model, settled.labels, settled.every_n, settled.start_ms) == ("nanodet-g", ("person",), 5, 2.0)
