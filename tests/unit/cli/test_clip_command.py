"""Clips and reels by the command line and the Python client, against a service that is made up."""

import json
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cli.client import clip_command, shell
from cli.main import main
from web_detector import Client, Hit, http_client, pace

FILE = b"a clip" * 1000
HIT = {"video_id": "v", "from_ms": 1000, "to_ms": 2500.5}


class Made:
    """A service that makes what is posted: it is queued, then running, then in the last state."""

    def __init__(self, last: str = "ready") -> None:
        self.states = ["running", last]
        self.posted: list[tuple[str, Any]] = []
        self.searched: list[dict[str, str]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/v1")
        if path == "/auth/login":
            return httpx2.Response(200, json={"access_token": "token"})
        if path == "/search":
            self.searched.append(dict(request.url.params))
            return httpx2.Response(200, json={"hits": [HIT | {"label": "cat", "score": 0.9}], "next_cursor": None})
        if path.endswith("made/content"):
            return httpx2.Response(200, content=FILE)
        if request.method == "POST":
            self.posted.append((path, json.loads(request.read())))
            return httpx2.Response(202, json=shape("queued"))
        assert path == f"{self.posted[-1][0]}/made"
        return httpx2.Response(200, json=shape(self.states.pop(0)))


def shape(state: str) -> dict[str, Any]:
    error = {"code": "video_refused", "detail": "it cannot be cut"} if state == "failed" else None
    return {"id": "made", "state": state, "progress": {"fraction": 0.5}, "error": error}


@pytest.fixture
def service_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Made], Made]:
    """Has commands and clients talk to a service."""
    plain = http_client.Client
    monkeypatch.setattr(pace, "LEAST_SECONDS", 0)
    for name, value in {"URL": "http://service.test", "USER": "alice", "PASSWORD": "a password"}.items():
        monkeypatch.setenv(f"WEB_DETECTOR_{name}", value)

    def use(service: Made) -> Made:
        for module in (shell, http_client):
            monkeypatch.setattr(module, "Client", lambda url: plain(url, httpx2.MockTransport(service)))
        return service

    return use


def test_a_clip_is_asked_for_waited_for_and_written(service_of: Callable[[Made], Made], tmp_path: Path) -> None:
    service, target = service_of(Made()), tmp_path / "clip.mp4"
    assert main(["clip", "v", "--from", "1:02.5", "--to", "75", "--exact", "-o", str(target)]) == 0
    assert service.posted == [("/videos/v/clips", {"from_ms": 62_500, "to_ms": 75_000, "exact": True})]
    assert (target.read_bytes(), list(tmp_path.iterdir())) == (FILE, [target])


def test_a_clip_that_cannot_be_made_says_why(
    service_of: Callable[[Made], Made], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service_of(Made("failed"))
    assert main(["clip", "v", "--to", "1", "-o", str(tmp_path / "clip.mp4")]) == 1
    assert "it cannot be cut" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_reel_is_made_of_what_a_search_finds(service_of: Callable[[Made], Made], tmp_path: Path) -> None:
    service = service_of(Made())
    arguments = ["reel", "cat", "--min-seconds", "2", "--before", "3", "--at-most", "1:00"]
    assert main([*arguments, "-o", str(tmp_path / "cats.mp4")]) == 0
    assert service.searched == [{"label": "cat", "min_seconds": "2", "sort": "newest", "limit": "50"}]
    assert service.posted == [("/reels", {"pieces": [HIT], "before_ms": 3000, "max_ms": 60_000, "name": "cats"})]
    assert (tmp_path / "cats.mp4").read_bytes() == FILE


def test_a_reel_is_made_of_hits_in_a_file(
    service_of: Callable[[Made], Made], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service, file = service_of(Made()), tmp_path / "hits.ndjson"
    file.write_text(json.dumps(HIT | {"label": "cat"}) + "\n\n")
    assert main(["reel", "--hits", str(file), "-o", str(tmp_path / "cats.mp4")]) == 0
    assert service.posted == [("/reels", {"pieces": [HIT], "name": "cats"})]
    for wrong in ("no JSON", "[]", '{"video_id": "v"}'):
        file.write_text(f"{json.dumps(HIT)}\n{wrong}\n")
        assert main(["reel", "--hits", str(file), "-o", str(tmp_path / "cats.mp4")]) == 1
        assert "line 2: not a hit" in capsys.readouterr().err
    file.write_text("")
    assert main(["reel", "--hits", str(file), "-o", str(tmp_path / "cats.mp4")]) == 1
    assert "nothing to make a reel of" in capsys.readouterr().err


def test_the_client_saves_clips_and_reels(service_of: Callable[[Made], Made], tmp_path: Path) -> None:
    service, done, target = service_of(Made()), list[float](), tmp_path / "clip.mp4"
    with Client(token="a token") as client:
        assert client.save_clip("v", 1000, 2000, target, progress=done.append) == len(FILE)
        assert (done, target.read_bytes()) == ([0.5, 0.5], FILE)
        service.states = ["ready"]
        hit = Hit(
            video_id="v",
            video_name=None,
            job_id="j",
            track=1,
            label="cat",
            score=1,
            from_ms=1000,
            to_ms=2500.5,
            at=None,
            source=None,
            best_ms=1000,
            best_frame=1,
            best_box=(0, 0, 1, 1),
        )
        assert client.save_reel([hit], target, max_ms=5000) == len(FILE)
    assert service.posted == [
        ("/videos/v/clips", {"from_ms": 1000, "to_ms": 2000, "exact": False}),
        ("/reels", {"pieces": [HIT], "max_ms": 5000}),
    ]


@pytest.mark.parametrize(("text", "ms"), [("0", 0), ("12.5", 12_500), ("1:02.0625", 62_062), ("1:00:02", 3_602_000)])
def test_times_are_seconds_or_of_a_clock(text: str, ms: int) -> None:
    assert clip_command.milliseconds(text) == ms


@pytest.mark.parametrize("text", ["", "-1", "1:", ":1", "1:1:1:1", "1e3", "nan"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="h:mm:ss"):
        clip_command.milliseconds(text)
