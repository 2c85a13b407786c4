"""Sealed addresses open with their own secret and stream alone."""

import pytest

from contracts.errors import SealBroken
from contracts.live.sealing import seal, unseal

SECRET, URL = "s" * 32, "rtsp://me:secret@cam.example/ä"


def test_a_sealed_address_opens_again_and_shows_nothing() -> None:
    sealed = seal(SECRET, "one", URL)
    assert unseal(SECRET, "one", sealed) == URL
    assert b"secret" not in sealed
    assert sealed != seal(SECRET, "one", URL)


@pytest.mark.parametrize(
    ("secret", "stream", "sealed"),
    [
        ("t" * 32, "one", seal(SECRET, "one", URL)),
        (SECRET, "two", seal(SECRET, "one", URL)),
        (SECRET, "one", seal(SECRET, "one", URL)[:-5]),
        (SECRET, "one", bytes([228])),
        (SECRET, "one", b""),
    ],
)
def test_other_secrets_streams_and_bytes_are_refused(secret: str, stream: str, sealed: bytes) -> None:
    with pytest.raises(SealBroken, match="STREAM_SECRET_KEY") as refusal:
        unseal(secret, stream, sealed)
    assert "secret@" not in refusal.value.detail
