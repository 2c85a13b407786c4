"""The schemas of streams in the spec, against what the parts share."""

from typing import Any

import msgspec
import pytest

from api.requests.spec import schema
from contracts.live.recordings import RecordingEnd
from contracts.live.streams import KINDS, RecordingOptions, StreamOptions, StreamState


@pytest.mark.parametrize(("name", "kind"), [("StreamOptions", StreamOptions), ("RecordingOptions", RecordingOptions)])
def test_options_have_the_fields_and_defaults_of_the_spec(name: str, kind: Any) -> None:
    properties = schema(name)["properties"]
    assert properties.keys() == {field.name for field in msgspec.structs.fields(kind)}
    plain = msgspec.structs.asdict(kind())
    assert {field: properties[field].get("default") for field in properties} == plain
    assert all(properties[field].get("nullable") for field, value in plain.items() if value is None)


def test_words_are_those_of_the_spec() -> None:
    assert schema("StreamKind")["enum"] == list(KINDS)
    assert schema("Stream")["properties"]["state"]["enum"] == [str(state) for state in StreamState]
    assert set(schema("Recording")["properties"]["reason"]["enum"]) == {*map(str, RecordingEnd), None}
