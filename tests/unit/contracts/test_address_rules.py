"""What a URL must look like, and which network addresses are open: the rules by themselves."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ImportRefused
from contracts.network.address_rules import (
    URL_MAX,
    Address,
    ParsedUrl,
    is_listed,
    is_public,
    parse,
    read_address,
    redirected,
)
from contracts.settings.table import Settings

OPEN = [
    "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
    "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2001:4860:4860::8888", "::ffff:1.1.1.1",
    "64:ff9b::1.1.1.1",
]  # fmt: skip
CLOSED = [
    "0.0.0.0",  # noqa: S104
    "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
    "168.63.129.16", "64:ff9b::168.63.129.16",
    "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "198.18.0.0", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:a00:1", "::ffff:169.254.169.254", "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1", "64:ff9b:1::1.1.1.1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:10::1", "2001:db8::1",
    "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1", "4000::1",
]  # fmt: skip


@pytest.mark.parametrize("text", OPEN)
def test_public_addresses_are_allowed(text: str) -> None:
    assert is_public(read_address(text))


@pytest.mark.parametrize("text", CLOSED)
def test_other_addresses_are_refused(text: str) -> None:
    assert not is_public(read_address(text))


@given(st.ip_addresses())
def test_special_purpose_addresses_are_never_public(address: Address) -> None:
    """Held against the standard library, whose lists are older but its own."""
    address = read_address(str(address))
    if isinstance(address, IPv6Address) and str(address).startswith("64:ff9b::"):
        address = IPv4Address(int(address) & 0xFFFF_FFFF)
    special = address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
    if special or address.is_reserved or address.is_unspecified:
        assert not is_public(address)


def test_allowed_networks_open_only_themselves() -> None:
    allowed = Settings(import_allow_networks="10.1.0.0/16, fd00::/8,").import_networks
    assert all(is_listed(read_address(text), allowed) for text in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::7"))
    # What a gateway would translate to such an address is another host's business.
    closed = ("10.2.0.1", "127.0.0.1", "64:ff9b::10.1.2.3", "2002:a01:203::1", "fc00::1", "::1")
    assert not any(is_listed(read_address(text), allowed) for text in closed)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://example.org", ParsedUrl("http", "example.org", 80, "/")),
        ("HTTPS://Example.ORG.:443/a/b.mp4?c=d&e#f", ParsedUrl("https", "example.org", 443, "/a/b.mp4?c=d&e")),
        ("http://example.org:8080?x", ParsedUrl("http", "example.org", 8080, "/?x")),
        ("http://example.org:/x", ParsedUrl("http", "example.org", 80, "/x")),
        ("http://[2606:4700:0::1111]:8000/", ParsedUrl("http", "2606:4700::1111", 8000, "/")),
        ("https://bücher.example/ä.mp4", ParsedUrl("https", "xn--bcher-kva.example", 443, "/%C3%A4.mp4")),
        ("http://a/%2e%2e/x?u=%20<>", ParsedUrl("http", "a", 80, "/%2e%2e/x?u=%20%3C%3E")),
        ("http://a/b@c:d", ParsedUrl("http", "a", 80, "/b@c:d")),
        ("http://１２７.0.0.1/", ParsedUrl("http", "127.0.0.1", 80, "/")),
    ],
)
def test_url_is_parsed(url: str, place: ParsedUrl) -> None:
    assert parse(url) == place


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "must start with http"),
        ("example.org/a.mp4", "must start with http"),
        ("file:///etc/passwd", "must start with http"),
        ("ftp://example.org/", "must start with http"),
        ("gopher://example.org/", "must start with http"),
        ("javascript:alert(1)", "must start with http"),
        ("http:/example.org", "must start with http"),
        ("http:example.org", "must start with http"),
        ("//example.org/", "must start with http"),
        ("http:///example.org", "no valid host"),
        ("http://", "no valid host"),
        ("http://:80/", "no valid host"),
        ("http://user:secret@example.org/", "user"),
        ("http://example.org@127.0.0.1/", "user"),
        ("http://@example.org/", "user"),
        ("http://example.org\\@127.0.0.1/", "backslashes"),
        ("http:\\\\example.org", "backslashes"),
        (" http://example.org/", "blanks"),
        ("http://example.org/a b", "blanks"),
        ("http://exam\tple.org/", "control characters"),
        ("http://example.org/\r\nHost: x", "control characters"),
        ("http://example.org/\x00", "control characters"),
        ("http://exam\u200bple.org/", "control characters"),
        ("http://a\ud800/", "control characters"),
        ("http://example.org:0/", "port 0"),
        ("http://example.org:22/", "port 22"),
        ("http://example.org:25/", "port 25"),
        ("http://example.org:65536/", "port 65536"),
        ("http://example.org:x/", "no valid host"),
        ("http://example.org:+80/", "no valid host"),
        ("http://example.org:８０/", "no valid host"),
        ("http://example.org:80:80/", "no valid host"),
        ("http://%31%32%37.0.0.1/", "invalid host name"),
        ("http://exa!mple/", "invalid host name"),
        ("http://a..b/", "invalid host name"),
        ("http://./", "invalid host name"),
        ("http://" + "a" * 64 + "/", "invalid host name"),
        ("http://" + "a." * 127 + "example/", "invalid host name"),
        ("http://-ü.example/", "invalid host name"),
        ("http://[::1/", "no valid host"),
        ("http://[::1]x/", "no valid host"),
        ("http://[fe80::1%25eth0]/", "no valid host"),
        ("http://[1.2.3.4]/", "IPv6"),
        ("http://[:::]/", "IPv6"),
        ("http://example.org/" + "a" * URL_MAX, "longer"),
    ],
    ids=lambda value: value[:40].encode("unicode_escape").decode() if isinstance(value, str) else None,
)
def test_invalid_and_ambiguous_urls_are_refused(url: str, says: str) -> None:
    with pytest.raises(ImportRefused, match=says):
        parse(url)


@given(st.text(max_size=60).map("http://".__add__) | st.text(max_size=60))
def test_any_text_is_a_valid_address_or_refused(text: str) -> None:
    try:
        place = parse(text)
    except ImportRefused:
        return
    assert all("!" <= char <= "~" for char in place.host + place.target)
    assert not set(place.host) & set("/\\@?#%[] ")
    assert parse(f"{place.scheme}://{place.authority}{place.target}") == place


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("b.mp4?x", ParsedUrl("https", "example.org", 8443, "/a/b.mp4?x")),
        ("/b.mp4", ParsedUrl("https", "example.org", 8443, "/b.mp4")),
        ("//other.example/b", ParsedUrl("https", "other.example", 443, "/b")),
        ("https://127.0.0.1/", ParsedUrl("https", "127.0.0.1", 443, "/")),
        ("?y=1", ParsedUrl("https", "example.org", 8443, "/a/?y=1")),
    ],
)
def test_redirect_is_resolved(location: str, leads_to: ParsedUrl) -> None:
    assert redirected(parse("https://example.org:8443/a/"), location) == leads_to


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("http://example.org/", "stays encrypted"),
        ("file:///etc/passwd", "after a redirect"),
        ("https://u:p@example.org/", "after a redirect"),
        ("https://example.org:25/", "after a redirect"),
        ("\\\\127.0.0.1\\x", "after a redirect"),
        ("https://[oops/", "redirects to an invalid url"),
    ],
)
def test_a_redirect_passes_the_same_rules(location: str, says: str) -> None:
    with pytest.raises(ImportRefused, match=says):
        redirected(parse("https://example.org/"), location)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("", None),
        ("/", None),
        ("/a/", None),
        ("/a/clip.mp4?sig=x/y", "clip.mp4"),
        ("/caf%C3%A9%20%0a1.mp4", "café 1.mp4"),
        ("/%ff.mp4", "\ufffd.mp4"),
        ("/%00%01", None),
        ("/" + "x" * 300, "x" * 255),
    ],
)
def test_last_path_segment_is_the_name(path: str, name: str | None) -> None:
    assert parse(f"http://example.org{path}").name == name
