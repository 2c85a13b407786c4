"""`web-detector models quantize`: whole numbers in place of fractions, and how much that changes."""

import re
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from contracts.models import catalogue
from contracts.models.catalogue import Catalogue
from contracts.results.codec import Detections
from detector.engine import EngineConfig
from detector.models_command import photo_trial, quantize
from tests.support.models import onnx_models
from tests.support.models_command import Command
from tests.support.videos.clips import clip


def detections(*items: tuple[int, float, tuple[float, float, float, float]]) -> Detections:
    return Detections(
        np.array([item[0] for item in items], np.int64),
        np.array([item[1] for item in items], np.float64),
        np.array([item[2] for item in items], np.float64).reshape(-1, 4),
    )


@pytest.mark.long
def test_the_model_that_comes_along_finds_nearly_the_same_in_int8_on_both_engines(
    command: Command, sample: Path
) -> None:
    assert command("quantize", "nanodet-g", "--video", sample, "--frames", 40) == 0, command.err
    print(command.out)  # the share of the boxes, for whoever wants to see it
    matched, total = map(int, re.findall(r"^(\d+) of (\d+) boxes", command.out, re.MULTILINE)[0])
    assert matched >= 0.9 * total > 50
    assert command.files() == ["nanodet-g-int8.onnx", "nanodet-g.json"]
    model = Catalogue(command.models).get("nanodet-g")
    assert (model.file, model.int8_file) == ("nanodet-g.onnx", "nanodet-g-int8.onnx")
    for engine in ("openvino", "onnxruntime"):
        result = photo_trial.run(
            replace(model, engine=engine), command.models / "nanodet-g-int8.onnx", EngineConfig(), "int8"
        )
        assert result.info.precision == "int8"
        for sight in result.sights:
            assert model.labels[sight.found.class_id[0]] == Path(sight.name).stem
    assert command("verify", "nanodet-g") == 0
    assert re.search("fp32|bf16", command.out)
    assert "int8" in command.out
    assert command("remove", "nanodet-g") == 0
    assert command.files() == []
    assert Catalogue(command.models).get("nanodet-g") == catalogue.bundled("nanodet-g")


@pytest.mark.parametrize("kind", ["ssd", "final", "detr"])
def test_other_inputs_and_feeds_are_fitted_too(kind: str, command: Command, tmp_path: Path) -> None:
    make, fit = onnx_models.KINDS[kind]
    red = onnx_models.square(fit, 4, 3)
    video = tmp_path / "red.mp4"
    video.write_bytes(clip(size=(480, 360), frames=6, images=[onnx_models.frame(("red", red))] * 6).content)
    (tmp_path / "labels").write_text("red\nblue\n")
    assert command("add", make(tmp_path / "model.onnx"), "--labels", tmp_path / "labels") == 0
    assert command("quantize", "model", "--video", video) == 0, command.err
    assert "12 of 12 boxes (100.0%)" in command.out
    assert command.files() == ["model-int8.onnx", "model.json", "model.onnx"]


def test_what_cannot_be_quantized_says_why(command: Command, tmp_path: Path, sample: Path) -> None:
    assert command("quantize", "none", "--video", sample) == 1
    assert "known are: nanodet-g" in command.err
    (tmp_path / "text.mp4").write_text("no video")
    assert command("quantize", "nanodet-g", "--video", tmp_path / "text.mp4") == 1
    assert "text.mp4 cannot be read as a video" in command.err
    assert command.files() == []


def test_boxes_are_the_same_with_label_and_half_of_their_area() -> None:
    one = detections((0, 0.9, (0, 0, 10, 10)), (1, 0.5, (20, 20, 30, 30)))
    same = quantize.compare([one], [one], (1, 1))
    assert (same.matched, same.total, same.score_change, same.share) == (4, 4, 0, 1)
    moved = detections((0, 0.8, (0, 0, 10, 6)), (1, 0.5, (26, 20, 36, 30)))
    part = quantize.compare([one], [moved], (1, 1))
    assert (part.matched, part.total) == (2, 4)
    assert part.score_change == pytest.approx(0.1)
    other = detections((1, 0.9, (0, 0, 10, 10)))
    assert quantize.compare([one], [other], (1, 1)).matched == 0
    assert quantize.compare([detections()], [detections()], (1, 1)).share == 1
