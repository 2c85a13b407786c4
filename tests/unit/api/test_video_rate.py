"""The rate that clients send with a video that has no times."""

import pytest

from api.requests.multipart_form import Form
from api.requests.tus_headers import form_of
from api.requests.video_metadata import metadata_of
from api.uploads.url_import import ImportRequest
from contracts.errors import InvalidInput


def rate(text: str) -> float | None:
    return metadata_of(Form(fields={"fps": text})).fps


def test_a_rate_is_a_number_within_bounds() -> None:
    assert [rate(text) for text in ("25", "0.1", "29.97", "300")] == [25.0, 0.1, 29.97, 300.0]
    assert metadata_of(Form()).fps is None


@pytest.mark.parametrize("text", ["", "0", "0.09", "300.1", "-25", "nan", "1e1", "25 fps", "25/1", "１２"])
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"fps is not a number from 0\.1 to 300"):
        rate(text)


def test_resumable_uploads_and_imports_carry_it() -> None:
    assert metadata_of(form_of("fps MTIuNQ==")).fps == 12.5
    assert metadata_of(ImportRequest(url="https://example.org/x", fps=12.5).form()).fps == 12.5
