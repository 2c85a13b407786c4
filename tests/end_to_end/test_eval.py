"""`web-detector eval` measures what the bare model is worth, and leaves nothing behind."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from contracts.models.catalogue import COCO_91
from tests.support.deployments.service import ROOT, Client, Service
from tests.support.reference import MODEL, sequential
from tests.support.videos import datasets
from tests.support.videos.datasets import Made

LEAST = 0.01
PLAIN = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large")


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory, sample: Path, truth: dict[str, Any]) -> Made:
    return datasets.coco(tmp_path_factory.mktemp("coco"), sample, truth)


@pytest.fixture
def user(service: Service) -> Client:
    return service.client()


def start(service: Service, user: Client, *arguments: object) -> "subprocess.Popen[str]":
    """The command, as a user of the service."""
    environ = os.environ | {
        "WEB_DETECTOR_URL": service.url,
        "WEB_DETECTOR_USER": user.username,
        "WEB_DETECTOR_PASSWORD": user.password,
    }
    command = [sys.executable, "-m", "cli.main", "eval", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(service: Service, user: Client, *arguments: object) -> tuple[int, str, str]:
    process = start(service, user, *arguments)
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


def plain(made: list[Made], labels: set[str]) -> list[float]:
    """COCOeval's figures of a plain loop over the same files, one frame after the other."""
    wanted = frozenset(number for number, label in enumerate(MODEL.labels) if label in labels)
    images: list[Any] = []
    truths: list[Any] = []
    found: list[Any] = []
    for item in made:
        frames = [frame for file in item.files for _, frame in sequential(file, LEAST, None, wanted)]
        for thing in (thing for thing in item.things if thing.label in labels):
            x, y, width, height = thing.box
            truths.append(
                {
                    "id": len(truths) + 1,
                    "image_id": len(images) + thing.image,
                    "category_id": MODEL.labels.index(thing.label),
                    "bbox": [x, y, width, height],
                    "area": width * height,
                    "iscrowd": int(thing.crowd),
                }
            )
        for frame in frames:
            for one in frame:
                x1, y1, x2, y2 = one.box
                box = {"bbox": [x1, y1, x2 - x1, y2 - y1], "score": one.score, "category_id": one.class_id}
                found.append(box | {"image_id": len(images)})
            images.append({"id": len(images)})
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        categories = [{"id": number, "name": MODEL.labels[number]} for number in wanted]
        known.dataset = {"images": images, "annotations": truths, "categories": categories}
        known.createIndex()
        judge = COCOeval(known, known.loadRes(found), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return [float(value) for value in judge.stats]


def test_the_ap_of_coco_images_is_that_of_the_bare_model(
    service: Service, user: Client, coco: Made, tmp_path: Path
) -> None:
    before = service.settled_files()
    status, output, errors = run(service, user, "nanodet-g", coco.folder, "--output", tmp_path / "out.json")
    assert (status, errors) == (0, "")
    content = json.loads((tmp_path / "out.json").read_text())
    expected = plain([coco], set(MODEL.labels))
    _same(content["figures"], expected)
    assert 0.1 < content["figures"]["AP"] < 0.95
    assert content["figures"]["AP_medium"] is not None
    assert {item["id"]: item["label"] for item in content["categories"]} == {
        number: label for number, label in enumerate(COCO_91) if label
    }
    assert {item["name"] for item in content["categories"] if item["objects"]} == {"person", "cat", "cup", "horse"}
    assert content["unmatched"] == ["lighthouse"]
    assert "80 of the dataset's 81 categories" in " ".join(output.split())
    assert f"{len(coco.files)} images in" in output
    assert f" {100 * expected[0]:.1f} " in output
    _are_results(content, coco)
    service.expect_files(before)
    assert user.call("GET", "/videos", 200)["items"] == []


@pytest.mark.long
def test_the_ap_of_mot_sequences_is_that_of_the_bare_model(
    service: Service, user: Client, sample: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    """One sequence as single frames, the other as a video."""
    before = service.settled_files()
    stills = datasets.mot(tmp_path / "train/A-01", sample, truth, frames=24, video=False)
    video = datasets.mot(tmp_path / "train/B-02", sample, truth, frames=60, video=True)
    status, output, errors = run(service, user, "nanodet-g", tmp_path / "train", "--output", tmp_path / "out.json")
    assert (status, errors) == (0, "")
    content = json.loads((tmp_path / "out.json").read_text())
    _same(content["figures"], plain([stills, video], {"person"}))
    assert 0.1 < content["figures"]["AP"] < 0.95
    assert [item["file_name"] for item in content["images"]][23:25] == ["A-01/000024", "B-02/000001"]
    assert "warning" not in output
    service.expect_files(before)
    assert "tracks" not in content
    # The pictures as a video too, with tracks.
    arguments = (tmp_path / "train", "--tracks", "-o", tmp_path / "tracks.json")
    status, output, errors = run(service, user, "nanodet-g", *arguments)
    assert (status, errors) == (0, "")
    tracked = json.loads((tmp_path / "tracks.json").read_text())
    assert tracked["figures"]["AP"] == pytest.approx(content["figures"]["AP"], abs=0.05)
    assert 0.3 < tracked["tracks"]["hota"] < 1
    assert 0.3 < tracked["tracks"]["idf1"] <= 1
    assert "HOTA" in output
    assert any("track_id" in item for item in tracked["detections"])
    service.expect_files(before)
    # The first frames alone, which a video holds too.
    status, output, errors = run(service, user, "nanodet-g", video.folder, "--limit", 10, "-o", tmp_path / "ten.json")
    assert (status, errors) == (0, "")
    few = json.loads((tmp_path / "ten.json").read_text())
    later = [item | {"image_id": item["image_id"] - 24} for item in content["detections"]]
    assert few["detections"] == [item for item in later if 1 <= item["image_id"] <= 10]
    assert few["detections"]


def test_refused_file_ends_the_evaluation_and_leaves_nothing(
    service: Service, user: Client, sample: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    made = datasets.coco(tmp_path / "set", sample, truth)
    made.files[2].write_bytes(b"no picture at all")
    before = service.settled_files()
    status, output, errors = run(service, user, "nanodet-g", made.folder, "-o", tmp_path / "out.json")
    assert status == 1
    assert f"{made.files[2]}: " in errors
    assert "video_refused" in errors
    assert " AP " not in output
    assert not (tmp_path / "out.json").exists()
    service.expect_files(before)
    assert user.call("GET", "/videos", 200)["items"] == []


def test_failed_job_ends_the_evaluation(
    service: Service, user: Client, sample: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    """A video cut short has results, but not of all frames."""
    made = datasets.mot(tmp_path / "cut", sample, truth, frames=48, video=True)
    content = made.files[0].read_bytes()
    made.files[0].write_bytes(content[: len(content) * 6 // 10])
    status, _, errors = run(service, user, "nanodet-g", made.folder)
    assert status == 1
    assert "its job ended as partial" in errors
    assert user.call("GET", "/videos", 200)["items"] == []


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_an_interrupt_leaves_nothing(service: Service, user: Client, coco: Made, number: signal.Signals) -> None:
    before = service.settled_files()
    kept = user.upload(coco.files[0])
    process = start(service, user, "nanodet-g", coco.folder)
    deadline = time.monotonic() + 60
    while not user.call("GET", "/jobs", 200)["items"]:
        assert time.monotonic() < deadline
        assert process.poll() is None
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "interrupted\n")
    assert "warning" not in output
    assert [video["id"] for video in user.call("GET", "/videos", 200)["items"]] == [kept["id"]]
    user.call("DELETE", f"/videos/{kept['id']}", 204)
    service.expect_files(before)


def test_image_of_another_size_than_in_the_dataset_is_an_error(
    service: Service, user: Client, coco: Made, tmp_path: Path
) -> None:
    content = json.loads((coco.folder / "annotations/instances_things.json").read_text())
    content["images"][0]["width"] += 1
    (tmp_path / "wrong.json").write_text(json.dumps(content))
    arguments = ("nanodet-g", coco.folder, "--annotations", tmp_path / "wrong.json", "--limit", 1)
    status, _, errors = run(service, user, *arguments)
    assert status == 1
    assert "is shown as 480x360, but the dataset has it as 481x360" in errors


def test_an_unknown_model_is_refused_with_the_known_ones(service: Service, user: Client, coco: Made) -> None:
    status, _, errors = run(service, user, "no-such-model", coco.folder)
    assert status == 1
    assert "the service has no model 'no-such-model'; it has nanodet-g" in errors


@pytest.mark.long
def test_evaluation_starts_a_temporary_service(coco: Made, tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WEB_DETECTOR_")}
    command = [sys.executable, "-m", "cli.main", "eval", "nanodet-g", str(coco.folder), "--limit", "3"]
    done = subprocess.run(
        [*command, "-o", str(tmp_path / "out.json")],
        cwd=ROOT,
        env=environ | {"PRECISION": "fp32", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    content = json.loads((tmp_path / "out.json").read_text())
    assert len(content["images"]) == 3
    assert content["model"]["loaded"][0]["precision"] == "fp32"
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def _same(figures: dict[str, float | None], expected: list[float]) -> None:
    """All of them, to 0.001; COCOeval says -1 where nothing counts."""
    values = [-1 if value is None else value for value in figures.values()]
    assert tuple(figures)[:6] == PLAIN
    assert values == pytest.approx(expected, abs=0.001)


def _are_results(content: dict[str, Any], made: Made) -> None:
    """The detections are what COCO's own tools take for results, and give the same figures."""
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO(str(made.folder / "annotations/instances_things.json"))
        judge = COCOeval(known, known.loadRes(content["detections"]), "bbox")
        judge.params.catIds = [item["id"] for item in content["categories"]]
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    assert content["figures"]["AP"] == pytest.approx(judge.stats[0], abs=1e-6)
