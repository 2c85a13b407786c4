"""`web-detector tracks`, against a service that is made up."""

import io
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from rich.console import Console

from cli.client import tracks_command
from cli.client.report import Report
from cli.main import main
from web_detector import pace
from web_detector.http_client import Client, ServiceError


def track(number: int, label: str = "cat") -> dict[str, Any]:
    return {
        "id": number,
        "label": label,
        "from_ms": 500.0,
        "to_ms": 2000.0,
        "frames": 9,
        "score": 0.876,
        "best_ms": 1250.0,
    }


class Made:
    """A service whose job has tracks in pages of two, and gets others in two steps."""

    def __init__(self, *states: str, count: int = 3) -> None:
        self.states = list(states)
        self.count = count
        self.wanted: dict[str, Any] | None = None
        self.queries: list[dict[str, str]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/v1")
        if path == "/auth/login":
            return httpx2.Response(200, json={"access_token": "token"})
        if request.method == "POST":
            assert path == "/jobs/the-job/tracks"
            self.wanted = json.loads(request.read())
            return httpx2.Response(202, json=self.job("queued"))
        if path == "/jobs/the-job":
            return httpx2.Response(200, json=self.job(self.states.pop(0)))
        self.queries.append(dict(request.url.params))
        first = int(request.url.params.get("cursor", "1"))
        numbers = range(first, min(first + 2, self.count + 1))
        following = str(first + 2) if first + 2 <= self.count else None
        return httpx2.Response(200, json={"tracks": [track(number) for number in numbers], "next_cursor": following})

    def job(self, state: str) -> dict[str, Any]:
        error = {"code": "corrupt_data", "detail": "cut short"} if state == "failed" else None
        return {"id": "the-job", "tracks": {"state": state, "tracks": self.count, "error": error}}


def run(service: Made, *arguments: str) -> str:
    console = Console(file=io.StringIO(), width=100)
    options = tracks_command._parser().parse_args(["the-job", *arguments])
    with Client("http://service.test/", httpx2.MockTransport(service)) as client:
        client.login("alice", "a password")
        tracks_command.show(client, options, Report(console))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_all_pages_are_listed() -> None:
    service = Made()
    rows = [line.split("│") for line in run(service, "--labels", "cat, dog").splitlines() if "cat" in line]
    assert [[cell.strip() for cell in row[1:-1]] for row in rows] == [
        [str(number), "cat", "0.50 s", "2.00 s", "9", "0.88", "1.25 s"] for number in (1, 2, 3)
    ]
    assert [query.get("cursor") for query in service.queries] == [None, "3"]
    assert service.wanted is None


def test_no_tracks_are_said_to_be_none() -> None:
    assert "no such tracks" in run(Made(count=0))


def test_all_tracks_are_written_to_a_file(tmp_path: Path) -> None:
    assert "3 tracks" in run(Made(), "-o", str(tmp_path / "tracks.ndjson"))
    lines = (tmp_path / "tracks.ndjson").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [track(number) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--again"], {}),
        (["--min-frames", "5"], {"min_frames": 5}),
        (
            ["--start-score", "0.5", "--min-score", "0.2", "--lost-seconds", "3"],
            {"start_score": 0.5, "min_score": 0.2, "lost_seconds": 3.0},
        ),
    ],
)
def test_tracks_are_made_anew_and_waited_for(
    arguments: list[str], wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "LEAST_SECONDS", 0)
    service = Made("queued", "ready")
    assert run(service, *arguments).startswith("3 tracks")
    assert (service.wanted, service.states) == (wanted, [])


def test_tracks_that_cannot_be_made_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "LEAST_SECONDS", 0)
    with pytest.raises(ServiceError, match="cut short"):
        run(Made("failed"), "--again")


def test_the_command_needs_a_service(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("WEB_DETECTOR_URL", raising=False)
    assert main(["tracks", "the-job"]) == 1
    assert "WEB_DETECTOR_URL" in capsys.readouterr().err
