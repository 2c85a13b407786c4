"""Models that were added, on a running service: jobs name them, several at once."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.deployments.modes import EmbeddedMode
from tests.support.deployments.service import ROOT, Service
from tests.support.models import onnx_models
from tests.support.videos.clips import clip

FRAMES = 30


def models(folder: Path, *arguments: object) -> None:
    """The command, as a user calls it for a service with that DATA_DIR."""
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "models", *map(str, arguments)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a model for each engine that was there before it, and one for padded frames added later."""
    folder = tmp_path_factory.mktemp("models")
    labels = folder / "labels.txt"
    labels.write_text("red\nblue\n")
    data = folder / "data"
    models(data, "add", onnx_models.yolox(folder / "padded.onnx"), "--labels", labels)
    with EmbeddedMode().run(folder, DETECTOR_WORKERS=2, CHUNK_SIZE=12) as service:
        made = onnx_models.detr(folder / "queries.onnx")
        models(data, "add", made, "--labels", labels, "--engine", "onnxruntime")
        yield service


def places(fit: str) -> list[tuple[tuple[int, int, int, int], tuple[int, int, int, int]]]:
    """Where the red and the blue square are in each frame: the red one moves, the blue one does not."""
    return [
        (onnx_models.square(fit, number % 10, number // 10), onnx_models.square(fit, 12, 7)) for number in range(FRAMES)
    ]


def video(path: Path, fit: str) -> Path:
    pictures = (onnx_models.frame(("red", red), ("blue", blue)) for red, blue in places(fit))
    path.write_bytes(clip(size=(480, 360), images=pictures).content)
    return path


def assert_found(frames: list[dict[str, Any]], fit: str) -> None:
    assert [frame["frame"] for frame in frames] == list(range(FRAMES))
    for frame, (red, blue) in zip(frames, places(fit), strict=True):
        boxes = {item["label"]: item["box"] for item in frame["detections"]}
        assert len(frame["detections"]) == 2, frame
        np.testing.assert_allclose(boxes["red"], red, atol=0.5)
        np.testing.assert_allclose(boxes["blue"], blue, atol=0.5)


def test_two_models_of_two_engines_run_concurrently(running: Service, tmp_path: Path) -> None:
    client = running.client()
    chosen = {"padded": "pad", "queries": "stretch"}
    videos = {model: client.upload(video(tmp_path / f"{model}.mp4", fit)) for model, fit in chosen.items()}
    started = {model: client.start(videos[model], model=model) for model in chosen}
    for model, fit in chosen.items():
        job = client.wait(started[model])
        assert (job["state"], job["model"]) == ("succeeded", model), job
        assert_found(client.frames(job), fit)
        assert client.call("GET", f"/jobs/{job['id']}/summary", 200)["labels"].keys() == {"red", "blue"}


def test_a_slow_model_has_shorter_chunks(running: Service, tmp_path: Path) -> None:
    client = running.client()
    path = tmp_path / "squares.mp4"
    pictures = (onnx_models.frame(("red", red), ("blue", blue)) for red, blue in places("pad"))
    path.write_bytes(clip(size=(480, 360), every=6, images=pictures).content)
    uploaded = client.upload(path)
    folder = running.settings().models_path
    quick = json.loads((folder / "padded.json").read_bytes())
    (folder / "slow.json").write_text(json.dumps(quick | {"id": "slow", "chunk_size": 6}))
    try:
        jobs = {model: client.wait(client.start(uploaded, model=model)) for model in ("padded", "slow")}
        assert {model: running.chunks_total(job) for model, job in jobs.items()} == {"padded": 3, "slow": 5}
        assert_found(client.frames(jobs["slow"]), "pad")
    finally:
        (folder / "slow.json").unlink()


def test_labels_option_filters_detections(running: Service, tmp_path: Path) -> None:
    client = running.client()
    uploaded = client.upload(video(tmp_path / "squares.mp4", "pad"))
    job = client.wait(client.start(uploaded, model="padded", options={"labels": ["blue"]}))
    frames = client.frames(job)
    assert {item["label"] for frame in frames for item in frame["detections"]} == {"blue"}
    detail = client.problem(
        "POST",
        "/jobs",
        422,
        "invalid_options",
        json={"video_id": uploaded["id"], "model": "padded", "options": {"labels": ["cat"]}},
    )
    assert "red, blue" in detail


def test_a_job_that_names_an_unknown_model_is_answered_with_the_list(running: Service, sample: Path) -> None:
    client = running.client()
    uploaded = client.upload(sample)
    detail = client.problem(
        "POST", "/jobs", 422, "unknown_model", json={"video_id": uploaded["id"], "model": "crystal-ball"}
    )
    assert "known are: nanodet-g, padded, queries" in detail
    listed = {item["id"]: item for item in client.call("GET", "/models", 200)["items"]}
    assert listed.keys() == {"nanodet-g", "padded", "queries"}
    assert listed["queries"]["labels"] == ["red", "blue"]


def test_removed_model_is_unknown_at_once_and_finished_jobs_keep_their_results(
    running: Service, tmp_path: Path
) -> None:
    client = running.client()
    folder = Path(running.processes(r"processor\.worker")[0].environ()["DATA_DIR"])
    models(folder, "add", onnx_models.yolo(tmp_path / "passing.onnx"))
    uploaded = client.upload(video(tmp_path / "squares.mp4", "pad_centre"))
    job = client.wait(client.start(uploaded, model="passing"))
    assert_found(client.frames(job), "pad_centre")
    models(folder, "remove", "passing")
    client.problem("POST", "/jobs", 422, "unknown_model", json={"video_id": uploaded["id"], "model": "passing"})
    assert_found(client.frames(job), "pad_centre")
