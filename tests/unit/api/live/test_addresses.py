"""Addresses of cameras: what is kept, what is shown, what is refused at once."""

from ipaddress import ip_network

import pytest

from api.live.addresses import require_allowed, shown
from contracts.errors import StreamRefused
from contracts.network.camera_address import parse

ALLOWED = (ip_network("192.168.1.0/24"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("url", "whole", "said"),
    [
        ("rtsp://cam.example/a", "rtsp://cam.example/a", "rtsp://cam.example/a"),
        ("rtsp://cam.example:554/a", "rtsp://cam.example/a", "rtsp://cam.example/a"),
        ("rtsp://Cam.Example.:8554", "rtsp://cam.example:8554/", "rtsp://cam.example:8554/"),
        ("rtsp://me:secret@cam.example/a", "rtsp://me:secret@cam.example/a", "rtsp://cam.example/a"),
        ("rtsp://me:p@ss:w@cam.example/a", "rtsp://me:p%40ss%3Aw@cam.example/a", "rtsp://cam.example/a"),
        ("rtsp://me:p%2Fs%23@cam.example/a", "rtsp://me:p%2Fs%23@cam.example/a", "rtsp://cam.example/a"),
        ("rtsp://me@cam.example/a", "rtsp://me@cam.example/a", "rtsp://cam.example/a"),
        ("rtsp://me:@cam.example/a", "rtsp://me:@cam.example/a", "rtsp://cam.example/a"),
        ("http://[fd00::1]:8080/v", "http://[fd00::1]:8080/v", "http://[fd00::1]:8080/v"),
        ("https://caméra.example/v", "https://xn--camra-dsa.example/v", "https://xn--camra-dsa.example/v"),
        (
            "http://cam.example/v.cgi?channel=1&user=me&pwd=secret&flag",
            "http://cam.example/v.cgi?channel=1&user=me&pwd=secret&flag",
            "http://cam.example/v.cgi?channel=1&user=***&pwd=***&***",
        ),
        (
            "rtsp://cam.example/user=me_password=secret_channel=1.sdp?real_stream",
            "rtsp://cam.example/user=me_password=secret_channel=1.sdp?real_stream",
            "rtsp://cam.example/user=***?***",
        ),
        (" rtsp://cam.example/a#x ", "rtsp://cam.example/a", "rtsp://cam.example/a"),
    ],
)
def test_user_name_and_password_are_kept_and_not_shown(url: str, whole: str, said: str) -> None:
    address = parse(url)
    assert (address.whole, shown(address)) == (whole, said)
    again = parse(address.whole)
    assert again == address
    assert "secret" not in shown(address) + repr(address)


def test_the_shown_address_can_be_parsed_again() -> None:
    said = shown(parse("http://me:secret@cam.example/v.cgi?pwd=secret"))
    assert shown(parse(said)) == said


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("/etc/passwd", "rtsp://"),
        ("file:///etc/passwd", "rtsp://"),
        ("/dev/video0", "rtsp://"),
        ("concat:rtsp://a/|b", "rtsp://"),
        ("rtmp://cam.example/secret", "rtsp://"),
        ("rtsp://", "no valid host"),
        ("rtsp://me:secret@", "no valid host"),
        ("rtsp://me:sec/ret@cam.example/a", "%2F"),
        ("rtsp://me:8000#ret@cam.example/a", "%23"),
        ("rtsp://me:secret@cam.example:25/a", "port 25"),
        ("rtsp://me:secret@cam.example:70000/a", "port 70000"),
        ("rtsp://me:secret@127.1/a", "four numbers"),
        ("rtsp://me:secret@2130706433/a", "four numbers"),
        ("rtsp://me:secret@0x7f.0.0.1/a", "four numbers"),
        ("rtsp://me:secret@256.0.0.1/a", "four numbers"),
        ("rtsp://me:secret@[::1/a", "no valid host"),
        ("rtsp://me:sec ret@cam.example/a", "blanks"),
        ("rtsp://me:secret@cam.example/a\nb", "control characters"),
        ("rtsp://me:secret@cam.example/" + "a" * 2048, "longer than"),
        ("rtsp://me:secret@" + "a" * 300 + "/", "host name"),
    ],
)
def test_what_is_no_address_of_a_camera_is_refused_without_repeating_it(url: str, says: str) -> None:
    with pytest.raises(StreamRefused) as refusal:
        parse(url)
    assert says in refusal.value.detail
    assert "secret" not in refusal.value.detail
    assert "ret@" not in refusal.value.detail


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "192.168.2.1", "169.254.169.254", "[::1]", "[fe80::1]", "[::ffff:10.0.0.1]"]
)
def test_numbers_outside_the_allowed_networks_are_refused_with_the_setting(host: str) -> None:
    with pytest.raises(StreamRefused, match="STREAM_ALLOW_NETWORKS"):
        require_allowed(parse(f"rtsp://{host}/a"), ALLOWED)


@pytest.mark.parametrize("host", ["192.168.1.20", "[fd00::20]", "8.8.8.8", "camera.lan"])
def test_allowed_and_public_numbers_pass_and_names_are_left_to_the_ingest(host: str) -> None:
    require_allowed(parse(f"rtsp://{host}/a"), ALLOWED)
