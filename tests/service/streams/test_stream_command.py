"""`web-detector stream`, against a real service."""

import io
import re
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from cli.client import stream_command
from cli.client.stream_command import stream
from contracts.live import keys
from tests.service.streams.test_streams import JPEG, jpeg
from tests.support.deployments.service import Client, Service


@pytest.fixture
def environ(service: Service, client: Client) -> dict[str, str]:
    return {
        "WEB_DETECTOR_URL": service.url, "WEB_DETECTOR_USER": client.username, "WEB_DETECTOR_PASSWORD": client.password
    }  # fmt: skip


def only(client: Client) -> Any:
    (found,) = client.call("GET", "/streams", 200)["items"]
    return found


def test_a_camera_is_added_listed_stopped_and_deleted(
    client: Client, environ: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("rtsp://me:a-secret@camera.invalid/a\n"))
    words = ["add", "-", "--name", "[door]", "--labels", "person,cat", "--max-fps", "5", "--record", "2"]
    assert stream(words, environ) == 0
    made = only(client)
    assert (made["kind"], made["options"]["labels"], made["options"]["max_fps"]) == ("rtsp", ["person", "cat"], 5)
    assert made["record"]["minutes"] == 2
    monkeypatch.setenv("COLUMNS", "200")
    assert stream(["list"], environ) == 0
    assert stream(["stop", "[door]"], environ) == 0
    said = capsys.readouterr()
    assert made["id"] in said.out
    assert "[door]" in said.out
    assert f"{made['id']}  [door]  stopped" in said.out
    assert "a-secret" not in said.out + said.err
    assert stream(["watch", made["id"]], environ) == 0  # of a stopped stream: nothing, and an end
    assert stream(["start", made["id"]], environ) == 0
    assert only(client)["wanted"] == "running"
    assert stream(["delete", "[door]"], environ) == 0
    assert client.call("GET", "/streams", 200)["items"] == []


def test_a_file_is_uploaded_and_looped(client: Client, environ: dict[str, str], sample: Path) -> None:
    assert stream(["add", str(sample)], environ) == 0
    made = only(client)
    assert (made["kind"], made["name"]) == ("video", sample.name)
    assert stream(["add", made["video_id"], "--name", "again"], environ) == 0
    assert {one["video_id"] for one in client.call("GET", "/streams", 200)["items"]} == {made["video_id"]}
    for one in client.call("GET", "/streams", 200)["items"]:
        client.call("DELETE", f"/streams/{one['id']}", 204)


def test_what_is_refused_leaves_no_upload_and_takes_no_stored_video(
    client: Client, environ: dict[str, str], sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = client.upload(sample)["id"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / stored).write_bytes(b"a file with the name of a video")
    for source in (str(sample), stored):
        assert stream(["add", source, "--name", "x" * 256], environ) == 1
        assert [video["id"] for video in client.call("GET", "/videos", 200)["items"]] == [stored], source


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["add", "no-such-file.mp4"], "neither an address"),
        (["add", "rtsp://me:a-secret@10.0.0.1/"], "STREAM_ALLOW_NETWORKS"),
        (["add", "rtsp://camera.invalid/", "--keep-days", "1"], "needs --record"),
        (["add", __file__, "--labels", "typo"], "no label 'typo'"),
        (["add", __file__, "--record", "61"], "minutes must be from 0.1 to 60"),
        (["stop", "nobody"], "there is no stream 'nobody'"),
        (["watch", "00000000-0000-0000-0000-000000000000"], "not_found"),
    ],
)
def test_errors_are_one_line_with_what_to_do(
    environ: dict[str, str], capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert stream(words, environ) == 1
    said = capsys.readouterr().err
    assert says in said
    assert "a-secret" not in said


def test_without_a_service_it_says_what_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert stream(["list"], {}) == 1
    assert "WEB_DETECTOR_URL" in capsys.readouterr().err


def test_watch_prints_what_is_detected_and_ends_with_the_stream(
    service: Service,
    client: Client,
    environ: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = client.call("POST", "/streams", 201, json={"kind": "push", "name": "gate"})
    server = redis.Redis.from_url(service.settings().coordination_url)
    frame = f"/api/v1/streams/{made['id']}/frames"
    deadline = time.monotonic() + 120
    watched = 0

    def push(_seconds: float) -> None:
        """In place of each pause: one more image, and after some results the end of the stream."""
        nonlocal watched
        watched = server.xlen(keys.results(made["id"]))
        assert time.monotonic() < deadline
        if watched >= 3:
            client.call("POST", f"/streams/{made['id']}/stop", 202)
            return
        assert client.http.post(frame, content=jpeg(), headers=JPEG).status_code == 202
        time.sleep(0.2)

    monkeypatch.setattr(stream_command, "_pause", push)
    assert stream(["watch", "gate", "--all"], environ) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].endswith("stopped")
    assert any(" s  " in line for line in lines), lines
    client.call("DELETE", f"/streams/{made['id']}", 204)


def test_demo_prints_rates_latency_and_drops_and_leaves_nothing(
    client: Client, environ: dict[str, str], sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stream(["demo", str(sample), "--seconds", "2"], environ) == 0
    said = capsys.readouterr().out
    assert "h264, 480x360" in said
    assert re.search(r"\d+ frames analysed, [\d.]+ frames/s; latency p50/p95 \d+/\d+ ms; dropped: ", said)
    assert re.search(r"seen: .*person \(\d+\)", said)
    assert client.call("GET", "/streams", 200)["items"] == []
    assert client.call("GET", "/videos", 200)["items"] == []


def test_demo_of_no_file_is_refused_before_a_service_is_started(capsys: pytest.CaptureFixture[str]) -> None:
    assert stream(["demo", "none.mp4"], {}) == 1
    assert capsys.readouterr().err == "web-detector: there is no file none.mp4\n"
