"""`web-detector import` against a real service."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.client import import_command
from cli.main import main
from tests.support.deployments.service import Client, Service


@pytest.fixture(autouse=True)
def at_rest(client: Client) -> Iterator[None]:
    """Tests that come later look at what the shared service stores: nothing is still written."""
    yield
    for job in client.call("GET", "/jobs", 200)["items"]:
        client.wait(job)


@pytest.fixture
def folder(tmp_path: Path, sample: Path) -> Path:
    """A video of a camera, the same bytes again, one that is none, and files that are no business of the command."""
    for name in ("door", ".trash"):
        (tmp_path / name).mkdir()
    shutil.copy(sample, tmp_path / "door/door_2026-07-09_14-30-05.mp4")
    shutil.copy(sample, tmp_path / "door/the same.mp4")
    shutil.copy(sample, tmp_path / ".trash/gone.mp4")
    (tmp_path / "door/broken.mp4").write_bytes(b"no video" * 1000)
    (tmp_path / "notes.txt").write_text("no video either")
    return tmp_path


def logged_in(service: Service, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"URL": service.url, "USER": client.username, "PASSWORD": client.password}.items():
        monkeypatch.setenv(f"WEB_DETECTOR_{name}", value)


def test_a_folder_is_imported_once_and_what_is_refused_is_named(
    folder: Path, service: Service, client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logged_in(service, client, monkeypatch)
    arguments = ["import", str(folder), "--tag", "archive", "--timezone", "UTC", "--min-score", "0.5"]
    assert main(arguments) == 1
    output = capsys.readouterr().out
    assert "1 imported, 1 were there already, 1 refused" in output
    assert f"{folder}/door/broken.mp4: " in output
    [video] = client.call("GET", "/videos", 200)["items"]
    assert (video["name"], video["source"], video["tags"]) == ("door_2026-07-09_14-30-05.mp4", "door", ["archive"])
    told = datetime.fromisoformat(video["recorded_at"])
    assert told - datetime(2026, 7, 9, 14, 30, 5, tzinfo=UTC) == timedelta(0)
    [job] = client.call("GET", "/jobs", 200)["items"]
    assert (job["video_id"], job["options"]["min_score"]) == (video["id"], 0.5)
    (folder / "door/broken.mp4").unlink()
    assert main(arguments) == 0, "again"
    assert "0 imported, 2 were there already, 0 refused" in capsys.readouterr().out


def test_a_file_that_is_far_too_large_is_named_and_stops_nothing(
    folder: Path, service: Service, client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logged_in(service, client, monkeypatch)
    with (folder / "a film.mp4").open("wb") as file:
        file.truncate(150_000_000)  # more than the service takes in before it closes the connection
    assert main(["import", str(folder), "--no-detect"]) == 1
    said = capsys.readouterr().out
    assert "1 imported, 1 were there already, 2 refused" in said
    assert "(upload_too_large, HTTP 413)" in said


def test_a_watched_folder_takes_a_file_when_it_has_settled(
    tmp_path: Path,
    sample: Path,
    service: Service,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    logged_in(service, client, monkeypatch)
    content, new = sample.read_bytes(), tmp_path / "door.mp4"

    def step(number: int) -> list[str]:
        """Of each look at the folder: what happens between its two looks. Returns the videos that there are then."""
        there = [video["name"] for video in client.call("GET", "/videos", 200)["items"]]
        if number == 0:
            (tmp_path / "broken.mp4").write_bytes(b"no video" * 1000)
            new.write_bytes(content[:5000])
        if number == 1:
            new.write_bytes(content)
        if number == 5:
            raise KeyboardInterrupt
        return there

    seen: list[list[str]] = []
    monkeypatch.setattr(import_command, "_pause", lambda seconds: seen.append(step(len(seen))))
    assert main(["import", str(tmp_path), "--watch"]) == 130
    assert seen == [[], [], [], ["door.mp4"], ["door.mp4"]]
    during, end = capsys.readouterr().out.split("1 imported, 0 were there already, 1 refused\n")
    assert (during.count("video_refused"), end.count("video_refused")) == (1, 1), "not tried again, and summed up"
    assert len(client.call("GET", "/jobs", 200)["items"]) == 1


def test_a_watched_folder_uploads_again_what_was_deleted_in_the_service(
    tmp_path: Path, sample: Path, service: Service, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in(service, client, monkeypatch)
    shutil.copy(sample, tmp_path / "first.mp4")
    steps = 0

    def step(_seconds: float) -> None:
        nonlocal steps
        steps += 1
        if steps == 2:
            [video] = client.call("GET", "/videos", 200)["items"]
            client.call("DELETE", f"/videos/{video['id']}", 204)
            shutil.copy(sample, tmp_path / "again.mp4")
        if steps == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(import_command, "_pause", step)
    assert main(["import", str(tmp_path), "--watch", "--no-detect"]) == 130
    assert [video["name"] for video in client.call("GET", "/videos", 200)["items"]] == ["again.mp4"]


def test_names_that_are_not_utf_8_are_uploaded_with_what_can_be_written(
    tmp_path: Path,
    sample: Path,
    service: Service,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    logged_in(service, client, monkeypatch)
    place = tmp_path / os.fsdecode(b"t\xfcr")
    place.mkdir()
    shutil.copy(sample, place / os.fsdecode(b"\xfc.mp4"))
    (place / os.fsdecode(b"\xff.mp4")).symlink_to(os.fsdecode(b"\xff.mp4"))
    assert main(["import", str(tmp_path), "--no-detect"]) == 1
    [video] = client.call("GET", "/videos", 200)["items"]
    assert (video["name"], video["source"]) == ("�.mp4", "t�r")
    assert rf"{tmp_path}/t\xfcr/\xff.mp4: " in capsys.readouterr().out


def test_a_job_is_started_on_a_video_that_an_interrupted_import_left_without(
    folder: Path, service: Service, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in(service, client, monkeypatch)
    (folder / "door/broken.mp4").unlink()
    assert main(["import", str(folder), "--no-detect"]) == 0
    assert client.call("GET", "/jobs", 200)["items"] == []
    for _ in range(2):
        assert main(["import", str(folder)]) == 0
    assert len(client.call("GET", "/jobs", 200)["items"]) == 1


def test_a_service_that_refuses_everything_ends_it(
    folder: Path, service: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"URL": service.url, "USER": "nobody", "PASSWORD": "correct-horse-battery"}.items():
        monkeypatch.setenv(f"WEB_DETECTOR_{name}", value)
    assert main(["import", str(folder)]) == 1
    assert "401" in capsys.readouterr().err
    monkeypatch.delenv("WEB_DETECTOR_URL")
    assert main(["import", str(folder)]) == 1
    assert "set WEB_DETECTOR_URL" in capsys.readouterr().err
