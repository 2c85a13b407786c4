"""Whose address counts, behind proxies and without."""

import pytest

from api.web.client_address import origin
from contracts.settings.table import Settings

TRUSTED = Settings(trusted_proxies="10.0.0.0/8, fd00::/8").proxy_networks


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # whoever is no proxy may say what they like
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the client wrote the first itself
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.9", "10.0.0.9"),
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("fd00::1", "[2a00:1450::1]:443", "2a00:1450::1"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", None),  # of a socket in the file system
    ],
)
def test_only_trusted_proxies_set_the_client_address(peer: str, forwarded: str, expected: str | None) -> None:
    assert origin(peer, forwarded, TRUSTED) == expected


def test_forwarded_headers_are_ignored_without_trusted_proxies() -> None:
    assert origin("10.0.0.1", "198.51.100.1", ()) == "10.0.0.1"
