"""Copies and pictures by the command line and the Python client, against a service that is made up."""

import io
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from rich.console import Console

from cli.client import copy_command
from cli.client.report import Report
from cli.main import main
from web_detector import Client, ServiceError, http_client, pace

COPY = b"a copy" * 1000
JPEG = b"\xff\xd8 a picture"


class Made:
    """A service whose renditions go through states, one at each question. Pictures are there when they are ready."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.wanted: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[httpx2.URL] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/v1")
        self.asked.append(request.url)
        if path == "/auth/login":
            return httpx2.Response(200, json={"access_token": "token"})
        if path.endswith("/content"):
            return httpx2.Response(200, content=COPY)
        if path.endswith("/frame"):
            return httpx2.Response(200, content=JPEG)
        if path.endswith("/picture"):
            missing = {"title": "Not Found", "detail": "no picture", "code": "picture_missing"}
            return httpx2.Response(404, json=missing) if self.states else httpx2.Response(200, content=JPEG)
        if request.method == "PUT":
            self.wanted.append((path, json.loads(request.read())))
        state = self.states.pop(0)
        error = {"code": "video_refused", "detail": "it is broken"} if state == "failed" else None
        return httpx2.Response(202, json={"state": state, "progress": {"fraction": 0.25}, "error": error})


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "LEAST_SECONDS", 0)


def run(service: Made, *arguments: str) -> str:
    console = Console(file=io.StringIO(), width=200)
    options = copy_command._parser().parse_args(["the-job", *arguments])
    with http_client.Client("http://service.test/", httpx2.MockTransport(service)) as client:
        client.login("alice", "a password")
        copy_command.save(client, options, Report(console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def client_of(service: Made, monkeypatch: pytest.MonkeyPatch) -> Client:
    made = http_client.Client("http://service.test", httpx2.MockTransport(service))
    with monkeypatch.context() as patch:
        patch.setattr(http_client, "Client", lambda _url: made)
        return Client("http://service.test", token="a token")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ([], ("annotated", {})),
        (["--labels", "cat, dog", "--min-score", "0.5"], ("annotated", {"labels": ["cat", "dog"], "min_score": 0.5})),
        (["--blurred", "--labels", "person"], ("blurred", {"labels": ["person"]})),
    ],
)
def test_a_copy_is_asked_for_waited_for_and_written(
    arguments: list[str], wanted: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    service, target = Made("queued", "running", "ready"), tmp_path / "copy.mp4"
    assert "0.0 MB" in run(service, *arguments, "-o", str(target))
    assert service.wanted == [(f"/jobs/the-job/renditions/{wanted[0]}", wanted[1])]
    assert (target.read_bytes(), list(tmp_path.iterdir()), service.states) == (COPY, [target], [])


def test_a_copy_that_cannot_be_made_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "copy.mp4"
    target.write_bytes(b"of before")
    with pytest.raises(ServiceError, match="it is broken"):
        run(Made("queued", "failed"), "-o", str(target))
    assert (target.read_bytes(), list(tmp_path.iterdir())) == (b"of before", [target])


def test_the_command_needs_a_service_and_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WEB_DETECTOR_URL", raising=False)
    assert main(["copy", "the-job", "-o", "copy.mp4"]) == 1
    assert "WEB_DETECTOR_URL" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["copy", "the-job"])


def test_the_client_saves_a_copy_and_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    service, done = Made("running", "ready"), list[float]()
    client = client_of(service, monkeypatch)
    size = client.save_copy("the-job", tmp_path / "copy.mp4", "blurred", labels=["person"], progress=done.append)
    assert (size, done, service.wanted[0][1]) == (len(COPY), [0.25], {"labels": ["person"]})
    assert (tmp_path / "copy.mp4").read_bytes() == COPY


def test_the_client_waits_for_the_picture_of_a_track(monkeypatch: pytest.MonkeyPatch) -> None:
    assert client_of(Made(), monkeypatch).track_picture("the-job", 3) == JPEG
    waited = Made("queued", "ready")
    assert client_of(waited, monkeypatch).track_picture("the-job", 3) == JPEG
    assert waited.wanted == [("/jobs/the-job/renditions/pictures", {})]
    with pytest.raises(ServiceError, match="it is broken"):
        client_of(Made("failed"), monkeypatch).track_picture("the-job", 3)


def test_the_client_shows_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Made()
    client = client_of(service, monkeypatch)
    assert client.frame_picture("the-video", frame=7) == JPEG
    assert client.frame_picture("the-video", at_ms=280, width=320, box=(10, 20.5, 110, 1234.56)) == JPEG
    assert [dict(url.params) for url in service.asked] == [
        {"frame": "7"},
        {"at_ms": "280", "width": "320", "box": "10,20.5,110,1234.56"},
    ]
