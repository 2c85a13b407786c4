"""The page's guides: the keys, pictures, states and reasons are those of the code, and the pictures are small."""

import re
from enum import StrEnum

import pytest

from contracts.live.recordings import RecordingEnd
from contracts.live.streams import DropReason, Reason, StreamState
from tests.support.deployments.service import ROOT

TEXT = (ROOT / "docs/page.md").read_text()
LIVE = (ROOT / "docs/live.md").read_text()
NAMES = {" ": "Space", "ArrowLeft": "←", "ArrowRight": "→"}


def test_documented_shortcuts_are_those_of_the_player() -> None:
    source = (ROOT / "web/src/player/controls/keys.ts").read_text()
    shortcuts = source[source.index("SHORTCUTS:") : source.index("];")]
    expected = {}
    for keys, words in re.findall(r'\[\[(.*?)\], "[\w-]+", "(.*?)"\],\n', shortcuts):
        for key in re.findall(r'"(.*?)"(?:, |$)', keys):
            expected[NAMES.get(key, key.upper() if len(key) == 1 else key)] = words.lower()
    assert len(expected) > 10
    rows = re.findall(r"^\| (`.*`) \| (.*) \|$", TEXT[TEXT.index("## Keyboard") : TEXT.index("## Sessions")], re.M)
    assert {key: words.lower() for keys, words in rows for key in re.findall("`(.+?)`", keys)} == expected


def test_screenshots_are_used_and_small() -> None:
    images = {path.name: path.stat().st_size for path in (ROOT / "docs/images").iterdir() if path.is_file()}
    assert set(re.findall(r'"images/([\w.-]+)"', TEXT + LIVE)) == set(images)
    assert set(re.findall(r'"docs/images/([\w.-]+)"', (ROOT / "README.md").read_text())) <= set(images)
    assert max(images.values()) <= 80_000
    assert sum(images.values()) <= 600_000


@pytest.mark.parametrize("names", [StreamState, Reason, DropReason, RecordingEnd])
def test_documented_states_and_reasons_of_streams_are_those_of_the_service(names: type[StrEnum]) -> None:
    tables = [set(re.findall(r"^\| `(\w+)` ", table, re.M)) for table in LIVE.split("\n\n")]
    assert set(names) in tables
