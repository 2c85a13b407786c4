"""Pushed images: checked by their markers alone."""

import io
from typing import Any

import pytest
from PIL import Image

from api.live.jpeg import problem


def jpeg(**options: Any) -> bytes:
    sink = io.BytesIO()
    Image.effect_noise((48, 32), 50).convert("RGB").save(sink, "JPEG", **options)
    return sink.getvalue()


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"quality": 100, "subsampling": 0}, {"exif": b"x" * 99}]
)
def test_images_of_all_usual_kinds_pass(options: dict[str, Any]) -> None:
    assert problem(jpeg(**options)) is None
    assert problem(jpeg(**options) + b"\0" * 7) is None  # as cameras pad them


def test_padding_between_markers_passes() -> None:
    data = jpeg()
    assert problem(data[:2] + b"\xff\xff" + data[2:]) is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "begin"),
        (b"\x89PNG\r\n\x1a\n", "begin"),
        (b"\xff\xd8", "cut off"),
        (b"\xff\xd8\xff\xe0\x00\x00" + b"\0" * 99, "cut off"),
        (b"\xff\xd8\xff\xda\x00\x02\xff\xd9", "size"),
        (b"\xff\xd8\xff\xc0\x00\x08\x08\x00\x00\x00\x10\x01\xff\xda\x00\x02\xff\xd9", "size"),
        (jpeg()[:-400], "end is missing"),
        (jpeg()[:30], "cut off"),
        (b"\xff\xd8" + b"\xff" * 8_000_000, "cut off"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_reason(data: bytes, says: str) -> None:
    assert says in (problem(data) or "")
