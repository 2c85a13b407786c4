"""`web-detector scenes` and `events`, against a real service."""

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.client.scene_command import events, scenes
from tests.service.results.test_scenes import SCENE, counted
from tests.support.deployments.service import Client, Service

__all__ = ["counted"]  # a fixture


def environ_of(service: Service, client: Client) -> dict[str, str]:
    return {
        "WEB_DETECTOR_URL": service.url, "WEB_DETECTOR_USER": client.username, "WEB_DETECTOR_PASSWORD": client.password
    }  # fmt: skip


def test_a_scene_is_added_shown_replaced_and_deleted(
    service: Service,
    client: Client,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ, file = environ_of(service, client), tmp_path / "door.json"
    file.write_text(json.dumps(SCENE))
    assert scenes(["add", str(file)], environ) == 0
    (made,) = client.call("GET", "/scenes", 200)["items"]
    assert scenes(["list"], environ) == 0
    assert made["id"][:8] in capsys.readouterr().out
    assert scenes(["show", "door"], environ) == 0
    assert json.loads(capsys.readouterr().out) == SCENE
    stdin = io.BytesIO(json.dumps({**SCENE, "name": "gate"}).encode())
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stdin))
    assert scenes(["replace", made["id"], "-"], environ) == 0
    assert client.call("GET", f"/scenes/{made['id']}", 200)["name"] == "gate"
    assert scenes(["delete", "gate"], environ) == 0
    assert client.call("GET", "/scenes", 200)["items"] == []


def test_wrong_files_and_names_are_named(
    service: Service, client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ, file = environ_of(service, client), tmp_path / "x.json"
    file.write_text("[1")
    assert scenes(["add", str(file)], environ) == 1
    assert "no JSON document" in capsys.readouterr().err
    assert scenes(["delete", "nothing"], environ) == 1
    assert "there is no scene 'nothing'" in capsys.readouterr().err
    assert scenes(["list"], {}) == 1
    assert "WEB_DETECTOR_URL" in capsys.readouterr().err


def test_events_are_printed_as_a_table(
    service: Service, counted: tuple[Client, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    client, job = counted
    environ = environ_of(service, client)
    scene = client.call("POST", "/scenes", 201, json=SCENE)
    words = [job["id"], scene["id"], "--type", "crosses", "--type", "enters", "--label", "cat"]
    assert events(words, environ) == 0
    assert [line.split(",")[2] for line in capsys.readouterr().out.splitlines()] == ["type", "enters", "crosses"]
    assert events([*words, "--counts", "10", "--from-ms", "0"], environ) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["0.0,room,,cat,enters,,1", "0.0,,gate,cat,crosses,forward,1"]
    assert events([*words, "--zone", "x"], environ) == 1
    assert "it has: room" in capsys.readouterr().err
