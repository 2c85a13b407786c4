"""Contact sheets by the command line and the Python client, against a service that is made up."""

from pathlib import Path

import httpx2
import pytest

from cli.client import shell
from cli.main import main
from web_detector import Client, http_client, pace

JPEG = b"\xff\xd8 a sheet"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """What was asked of the service: paths and queries. Of the video "busy" the sheet comes at the second request."""
    plain, found = http_client.Client, list[tuple[str, dict[str, str]]]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/v1")
        if path == "/auth/login":
            return httpx2.Response(200, json={"access_token": "token"})
        found.append((path, dict(request.url.params)))
        if "none" in path:
            return httpx2.Response(404, json={"title": "Not found", "code": "not_found", "detail": "no such video"})
        if "busy" in path and len(found) == 1:
            return httpx2.Response(503, json={"title": "Later", "code": "frame_not_ready"})
        return httpx2.Response(200, content=JPEG)

    monkeypatch.setattr(pace, "LEAST_SECONDS", 0)
    for module in (shell, http_client):
        monkeypatch.setattr(module, "Client", lambda url: plain(url, httpx2.MockTransport(answer)))
    for name, value in {"URL": "http://service.test", "USER": "alice", "PASSWORD": "a password"}.items():
        monkeypatch.setenv(f"WEB_DETECTOR_{name}", value)
    return found


def test_a_sheet_is_asked_for_and_written(asked: list[tuple[str, dict[str, str]]], tmp_path: Path) -> None:
    target = tmp_path / "sheet.jpg"
    command = ["contact-sheet", "v", "-o", str(target)]
    assert main([*command, "--columns", "5", "--rows", "2", "--width", "800", "--from", "1:02.5", "--to", "75"]) == 0
    assert target.read_bytes() == JPEG
    assert main(command) == 0
    size = {"columns": "5", "rows": "2", "width": "800"}
    path = "/videos/v/contact-sheet"
    assert asked == [(path, {**size, "from_ms": "62500", "to_ms": "75000"}), (path, {})]


def test_a_sheet_that_cannot_be_made_says_why(
    asked: list[tuple[str, dict[str, str]]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["contact-sheet", "none", "-o", str(tmp_path / "sheet.jpg")]) == 1
    assert "no such video" in capsys.readouterr().err
    assert (len(asked), list(tmp_path.iterdir())) == (1, [])


def test_the_client_waits_for_a_sheet(asked: list[tuple[str, dict[str, str]]]) -> None:
    with Client(token="a token") as client:
        assert client.contact_sheet("busy", columns=6, rows=1, from_ms=500.5) == JPEG
    assert asked == [("/videos/busy/contact-sheet", {"columns": "6", "rows": "1", "from_ms": "500.5"})] * 2
