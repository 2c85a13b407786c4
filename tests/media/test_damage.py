"""What is cut short or damaged gives what it holds, and says so."""

import io
from pathlib import Path
from typing import Any

import av
import pytest

from contracts.wire.messages import Media
from tests.media.test_formats import BROKEN, SQUARE, probed
from tests.support.videos.formats import File, encode

GARBAGE = bytes((number * 37 + 11) % 256 for number in range(400))
OTHERS: dict[str, dict[str, Any]] = {
    "flv": {"container": "flv", "codec": "libx264", "b_frames": 2},
    "apng": {"container": "apng", "codec": "apng"},
}


def media(content: bytes) -> Media:
    found = probed(File(content)).media
    assert found is not None
    return found


def index_first(path: Path, content: bytes) -> bytes:
    """An mp4 as it is made for the web: its index stands before the frames."""
    options = {"movflags": "faststart"}
    with av.open(io.BytesIO(content), "r") as source, av.open(path, "w", options=options) as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
    made = path.read_bytes()
    assert made.index(b"moov") < made.index(b"mdat")
    return made


@pytest.mark.parametrize("name", BROKEN | OTHERS)
def test_a_file_that_is_cut_short_says_so(name: str) -> None:
    content = encode(**(BROKEN | OTHERS)[name], size=SQUARE).content
    whole = media(content)
    assert whole.damage is None
    for share in range(30, 95, 5):
        cut = media(content[: len(content) * share // 100 // 188 * 188 + 97])
        assert cut.frames < whole.frames
        assert cut.damage is not None
        assert cut.damage.startswith("the file is cut short or damaged: ")


def test_an_mp4_for_the_web_that_is_cut_short_says_so(tmp_path: Path) -> None:
    content = index_first(tmp_path / "web.mp4", encode("mp4", "libx264", b_frames=2).content)
    assert media(content).damage is None
    for share in range(30, 95, 5):
        assert media(content[: len(content) * share // 100]).damage is not None


@pytest.mark.parametrize("name", ["h264, matroska", "h264, mpegts", "vp9, webm"])
def test_a_damage_that_loses_packets_says_so(name: str) -> None:
    broken = bytearray(encode(**BROKEN[name], size=SQUARE).content)
    middle = len(broken) // 2
    broken[middle : middle + len(GARBAGE)] = GARBAGE
    assert media(bytes(broken)).damage is not None


def test_any_number_of_complaints_is_one_reason() -> None:
    broken = bytearray(encode(**BROKEN["h264, matroska"], size=SQUARE).content)
    for start in range(2000, len(broken) - 1000, 3000):
        broken[start : start + len(GARBAGE)] = GARBAGE
    damage = media(bytes(broken)).damage
    assert damage is not None
    assert len(damage) < 200
    assert damage.isprintable()
