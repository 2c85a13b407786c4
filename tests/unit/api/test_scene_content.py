"""What is kept of a scene, and what is refused."""

from typing import Any

import pytest

from api.requests.scene_content import checked_scene
from contracts.errors import SceneRefused

ROOM = {"name": "room", "polygon": [[0, 0], [1, 0], [1, 1]]}
GATE = {"name": "gate", "points": [[0.5, 1], [0.5, 0]]}


def test_a_scene_is_kept_in_steps_and_opened() -> None:
    closed = {"name": "room", "polygon": [[0.1234567891, 0], [1, 0], [1 / 3, 0.2], [0.1234567, 0]]}
    assert checked_scene({"name": "x", "zones": [closed], "lines": [GATE]}) == {
        "name": "x",
        "zones": [{"name": "room", "polygon": [[0.123457, 0], [1, 0], [0.333333, 0.2]]}],
        "lines": [{"name": "gate", "points": [[0.5, 1], [0.5, 0]]}],
    }
    assert checked_scene({"name": "x", "zones": [ROOM]})["lines"] == []


@pytest.mark.parametrize(
    ("zones", "lines", "reason"),
    [
        ([], [], "neither a zone nor a line"),
        ([ROOM], [{**GATE, "name": "room"}], "the name 'room'"),
        ([{"name": "a", "polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}], [], "the zone 'a' crosses itself"),
        ([{"name": "a", "polygon": [[0, 0], [0.5, 0.5], [1, 1]]}], [], "the zone 'a' has no area"),
        ([{"name": "a", "polygon": [[0, 0], [1e-7, 0], [1, 1]]}], [], "the zone 'a' has the same point twice"),
        ([], [{"name": "b", "points": [[0.3, 0.3], [0.3, 0.3]]}], "the line 'b' has the same point twice"),
    ],
)
def test_what_has_no_meaning_is_named(zones: list[Any], lines: list[Any], reason: str) -> None:
    with pytest.raises(SceneRefused) as refused:
        checked_scene({"name": "x", "zones": zones, "lines": lines})
    assert reason in refused.value.detail
