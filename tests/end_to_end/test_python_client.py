"""The Python client against a real service: docs/python.md does what it says, and so its notebook."""

import ast
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from tests.support.deployments.service import ROOT, Service
from tools.make_notebook import notebook, parts
from web_detector import Client, Frame, JobFailed, ServiceError, to_pandas

PAGE = (ROOT / "docs/python.md").read_text()


@pytest.fixture
def client(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Of a new user, by the environment."""
    user = service.client()
    for name, value in {"URL": service.url, "USER": user.username, "PASSWORD": user.password}.items():
        monkeypatch.setenv(f"WEB_DETECTOR_{name}", value)
    monkeypatch.chdir(ROOT)
    with Client() as client:
        yield client


def test_the_code_of_the_docs_runs(client: Client) -> None:
    cells = [cell for cell in notebook(PAGE)["cells"] if cell["cell_type"] == "code"]
    detected, frame, tracks, rule, table, live, error, deleted = [
        "".join(line for one in cell["outputs"] for line in one["text"]) for cell in cells
    ]
    assert detected.startswith("212 frames, 480x360\n")
    assert "100%" in detected
    assert " cat 0." in frame
    assert tracks.startswith("cat 2: 1.")
    assert {"cat", "person"} <= set(ast.literal_eval(tracks.splitlines()[-1]))
    assert rule.startswith("a person after ten at the door AlertSchedule(")
    assert "cat" in table
    assert live.endswith("]\n")
    assert "not_found" in error
    assert deleted == ""
    assert list(client.videos()) == []


def test_the_notebook_is_the_page() -> None:
    shown = json.loads((ROOT / "docs/python.ipynb").read_text())
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in shown["cells"]] == list(parts(PAGE)), (
        "run tools/make_notebook.py"
    )
    assert all(cell.get("outputs", True) for cell in shown["cells"][:-1]), "with what it printed"


def test_frames_come_while_the_job_runs_and_end_with_it(client: Client, full_sample: Path) -> None:
    video = client.upload(full_sample, name="running.mp4", tags=["a", "b"])
    assert (video.name, video.tags) == ("running.mp4", ("a", "b"))
    job = client.detect(video, every_n=4)
    found = list(client.frames(job))
    ended = client.wait(job)
    assert [one.frame for one in found] == list(range(0, 212, 4))
    assert found == list(client.frames(ended))
    assert [one.id for one in client.jobs(video)] == [job.id] == [one.id for one in client.jobs()]
    table = to_pandas(found)
    assert len(table) == sum(len(one.detections) for one in found) > 0
    assert len(to_pandas(client.frames(job, labels=["cat"], min_score=0.6))) < len(table)
    assert to_pandas([]).dtypes.equals(table.dtypes)


def test_a_row_for_each_object_with_its_track() -> None:
    one, other = ({"label": "cat", "class_id": 15, "score": 0.5, "box": [1, 2, 3, 4]} for _ in range(2))
    frames = msgspec.convert(
        [{"frame": 3, "time_ms": 120.0, "detections": [one | {"track": 7}, other], "filled": True}], list[Frame]
    )
    table = to_pandas(frames)
    assert table["track"].isna().tolist() == [False, True]
    assert table.iloc[0][["frame", "label", "x1", "y2", "track", "filled"]].tolist() == [3, "cat", 1.0, 4.0, 7, True]


def test_a_cancelled_job_is_an_error_of_wait(client: Client, full_sample: Path) -> None:
    job = client.detect(client.upload(full_sample))
    client.cancel(job)
    with pytest.raises(JobFailed, match="ended as cancelled") as caught:
        client.wait(job)
    assert caught.value.job.has_ended


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, service: Service, client: Client) -> None:
    with pytest.raises(ValueError, match="time zone"):
        client.upload("samples/things.mp4", recorded_at=datetime(2026, 1, 1))
    with pytest.raises(ServiceError, match="401"), Client(service.url, token="wrong") as other:
        list(other.videos())
    monkeypatch.delenv("WEB_DETECTOR_USER")
    with pytest.raises(ServiceError, match="give a token"):
        Client(service.url)
