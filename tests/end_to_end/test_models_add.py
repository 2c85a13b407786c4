"""`web-detector models add`: files with the outputs of real exports become models, and what does not fit is refused."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from contracts.models.catalogue import COCO_80, Catalogue
from tests.support.deployments.service import ROOT
from tests.support.models import onnx_models
from tests.support.models_command import Command

NANODET = ROOT / "detector/models/nanodet-g.onnx"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text("red\nblue\n")
    return path


def photo(path: Path, pixels: NDArray[np.uint8]) -> Path:
    with av.open(str(path), "w", format="image2") as sink:
        stream: Any = sink.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = pixels.shape[1], pixels.shape[0], "rgb24"
        sink.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        sink.mux(stream.encode())
    return path


def boxes_of(line: str) -> dict[str, list[int]]:
    found = re.findall(r"(\w+) \d\.\d\d \[([\d ]+)\]", line)
    return {label: [int(edge) for edge in edges.split()] for label, edges in found}


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("kind", onnx_models.KINDS)
def test_every_kind_of_export_is_recognised_and_finds_things_where_they_are(
    kind: str, engine: str, command: Command, labels: Path, tmp_path: Path
) -> None:
    make, fit = onnx_models.KINDS[kind]
    red, blue = onnx_models.square(fit, 3, 2), onnx_models.square(fit, 10, 5)
    picture = photo(tmp_path / "squares.png", onnx_models.frame(("red", red), ("blue", blue)))
    made = make(tmp_path / f"{kind}.onnx")
    named = [] if kind in ("yolo", "yolov5") else ["--labels", labels]  # these files name their classes themselves
    assert command("add", made, "--engine", engine, "--photo", picture, *named) == 0, command.err
    (line,) = [line for line in command.out.splitlines() if line.startswith("  squares.png")]
    for label, expected in (("red", red), ("blue", blue)):
        np.testing.assert_allclose(boxes_of(line)[label], expected, atol=2)
    model = Catalogue(command.models).get(kind)
    assert (model.engine, model.fit, model.labels) == (engine, fit, ("red", "blue"))
    assert "guessed" in command.out
    assert (command.models / model.file).read_bytes() == made.read_bytes()


def test_a_yolov5_of_one_class_is_no_list_of_final_boxes(command: Command, tmp_path: Path) -> None:
    red = onnx_models.square("pad_centre", 6, 3)
    picture = photo(tmp_path / "squares.png", onnx_models.frame(("red", red)))
    assert command("add", onnx_models.yolov5(tmp_path / "one.onnx", classes=1), "--photo", picture) == 0, command.err
    model = Catalogue(command.models).get("one")
    assert (model.head, model.head_options.decoded, model.labels) == ("yolox", True, ("red",))
    assert (model.channels, model.std[0], model.fit) == ("RGB", 255, "pad_centre")
    assert boxes_of(command.out)["red"] == pytest.approx(red, abs=2)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_lengths_that_a_file_leaves_open_are_told_by_running_it(engine: str, command: Command, tmp_path: Path) -> None:
    blue = onnx_models.square("stretch", 6, 3)
    picture = photo(tmp_path / "squares.png", onnx_models.frame(("blue", blue)))
    made = onnx_models.queries(tmp_path / "open.onnx", dynamic=True)
    assert command("add", made, "--engine", engine, "--photo", picture) == 0, command.err
    model = Catalogue(command.models).get("open")
    assert (model.head, model.input_size, model.labels) == ("detr", (160, 160), ("red", "blue"))
    assert re.search(r"input_size +160 x 160  \(guessed: named in the file\)", command.out)
    assert boxes_of(command.out)["blue"] == pytest.approx(blue, abs=2)


def test_decoded_boxes_of_yolox_are_told_from_raw_ones_by_their_numbers(
    command: Command, labels: Path, tmp_path: Path
) -> None:
    red = onnx_models.square("pad", 6, 3)
    picture = photo(tmp_path / "squares.png", onnx_models.frame(("red", red)))
    for name, decoded in (("raw", False), ("done", True)):
        made = onnx_models.yolox(tmp_path / f"{name}.onnx", decoded=decoded)
        assert command("add", made, "--labels", labels, "--photo", picture) == 0
        assert command.entry(name).get("head_options", {}).get("decoded", False) is decoded
        assert boxes_of(command.out)["red"] == pytest.approx(red, abs=2)


def test_the_files_are_readable_by_other_roles_and_nothing_else_is_left(
    command: Command, labels: Path, tmp_path: Path
) -> None:
    made = onnx_models.yolox(tmp_path / "My Model.onnx")
    mask = os.umask(0o077)
    try:
        assert command("add", made, "--labels", labels, "--licence", "MIT") == 0
    finally:
        os.umask(mask)
    assert command.files() == ["my-model.json", "my-model.onnx"]
    assert {(command.models / name).stat().st_mode & 0o777 for name in command.files()} == {0o644}
    assert command.models.stat().st_mode & 0o777 == 0o755
    assert command.models.parent.stat().st_mode & 0o777 == 0o700
    entry = command.entry("my-model")
    assert (entry["licence"], entry["title"], entry["size_bytes"]) == (
        "MIT",
        "my-model",
        (tmp_path / "My Model.onnx").stat().st_size,
    )
    assert "WARNING: nothing was found" in command.out  # the photographs show no red squares


def test_an_id_that_is_taken_is_refused_until_told_to_replace(command: Command, tmp_path: Path) -> None:
    made = onnx_models.yolo(tmp_path / "a.onnx")
    assert command("add", made) == 0
    before = command.entry("a")
    assert command("add", made, "--title", "another") == 1
    assert "--replace" in command.err
    assert command.entry("a") == before
    assert command("add", made, "--title", "another", "--replace") == 0
    assert command.entry("a")["title"] == "another"
    assert command("add", made, "--id", "nanodet-g") == 1


def test_a_real_model_finds_what_the_photographs_show_and_a_wrong_colour_order_would_show(command: Command) -> None:
    assert command("add", NANODET, "--id", "right") == 0
    found = {line.split()[0]: boxes_of(line) for line in command.out.splitlines() if ".jpg" in line}
    for name in ("person", "cat", "cup"):
        assert next(iter(found[f"{name}.jpg"])) == name
    assert "guessed: there are 80 classes" in command.out
    scores = re.findall(r"(?:person|cat|cup) (\d\.\d\d)", command.out)
    assert command("add", NANODET, "--id", "wrong", "--channels", "RGB") == 0
    assert command.entry("wrong")["channels"] == "RGB"
    assert re.findall(r"(?:person|cat|cup) (\d\.\d\d)", command.out) != scores


def test_a_known_model_lends_its_texts_and_its_pictures_form(command: Command, tmp_path: Path) -> None:
    made = onnx_models.detr(tmp_path / "export.onnx")
    assert command("add", made, "--like", "rf-detr-nano") == 1
    assert "2 classes, and there are 91 labels" in command.err
    (tmp_path / "two").write_text("a\nb\n")
    assert command("add", made, "--like", "rf-detr-nano", "--labels", tmp_path / "two") == 0
    entry = command.entry("rf-detr-nano")
    assert (entry["licence"], entry["mean"][0], entry["head"]) == ("Apache-2.0", 123.675, "detr")
    assert entry["input_size"] == [160, 160]  # what the file says, not what is usual
    assert command("add", made, "--like", "ssd-9000") == 1
    assert "yolox-s" in command.err


def graph(
    path: Path,
    *,
    image: Sequence[object] = (1, 3, 96, 96),
    outputs: Mapping[str, Sequence[object]],
    value: float = 0.5,
    more: tuple[onnx.ValueInfoProto, ...] = (),
) -> Path:
    """A file with outputs of these shapes, filled with a value."""
    nodes, constants, infos = [], [], []
    for name, shape in outputs.items():
        fixed = [length if isinstance(length, int) else 7 for length in shape]
        constants.append(numpy_helper.from_array(np.full(fixed, value, np.float32), f"{name}_value"))
        nodes += [
            helper.make_node("ReduceSum", ["images"], [f"{name}_sum"], keepdims=0),
            helper.make_node("Mul", [f"{name}_sum", f"{name}_zero"], [f"{name}_nothing"]),
            helper.make_node("Add", [f"{name}_value", f"{name}_nothing"], [name]),
        ]
        constants.append(numpy_helper.from_array(np.float32(0), f"{name}_zero"))
        infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))
    inputs = [helper.make_tensor_value_info("images", TensorProto.FLOAT, list(image)), *more]
    made = helper.make_graph(nodes, "constant", inputs, infos, constants)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


CELLS = 144 + 36 + 9
YOLO_80 = {"output0": (1, 84, CELLS)}


def external(path: Path) -> Path:
    content = onnx.load(str(onnx_models.yolo(path)))
    onnx.save(content, str(path), save_as_external_data=True, size_threshold=0, location="weights.bin")
    return path


@pytest.mark.parametrize(
    ("make", "arguments", "reason"),
    [
        (lambda path: path, [], "there is no file"),
        (lambda path: (path.write_bytes(b"no"), path)[1], [], "is not an ONNX file"),
        (lambda path: (path.write_bytes(NANODET.read_bytes()[:5000]), path)[1], [], "is not an ONNX file"),
        (external, [], "weights in another file"),
        (lambda path: graph(path, image=(1, 64), outputs=YOLO_80), [], r"one image input.*images \[1, 64\]"),
        (lambda path: graph(path, image=(1, 3, "h", "w"), outputs=YOLO_80), [], "--input-size"),
        (lambda path: graph(path, outputs=YOLO_80), ["--input-size", "32x32"], "does not fit"),
        (lambda path: graph(path, outputs={"a": (1, 10), "b": (1, 9)}), [], "no head reads.*--head"),
        (lambda path: graph(path, outputs={"output0": (1, 300, 6)}), [], "end2end=False.*nms=False.*--joined"),
        (lambda path: graph(path, outputs={"output0": (1, 300, 6)}, value=0), [], "all 0.*--photo"),
        (lambda path: graph(path, outputs={"output0": (1, 6)}), [], "a classification model"),
        (lambda path: graph(path, outputs={"a": (1, 116, CELLS), "b": (1, 32, 24, 24)}), [], "segmentation models"),
        (lambda path: onnx_models.noted(onnx_models.yolo(path), task="pose"), ["--head", "yolo"], "for keypoints"),
        (lambda path: onnx_models.noted(onnx_models.yolo(path), task="obb"), [], "for oriented boxes"),
        (lambda path: onnx_models.noted(onnx_models.yolo(path), task="segment"), [], "for masks"),
        (lambda path: onnx_models.noted(onnx_models.yolo(path), task="classify"), [], "for classes of whole"),
        (lambda path: onnx_models.noted(onnx_models.yolo(path), task="depth"), [], "'depth'.*--head"),
        (lambda path: onnx_models.noted(onnx_models.yolo(path), names="['a']"), [], "names 1 class.*have 2"),
        (lambda path: graph(path, outputs={"output0": (1, 9, CELLS)}), [], "5 classes are.*--labels"),
        (lambda path: graph(path, outputs=YOLO_80), ["--labels", "coco-91"], "80 classes, and there are 91 labels"),
        (lambda path: graph(path, outputs=YOLO_80), ["--labels", "no/file"], "no/file"),
        (lambda path: graph(path, outputs=YOLO_80), ["--id", "../x"], "id"),
        (lambda path: graph(path, outputs=YOLO_80, value=float("nan")), [], "not a number"),
        (lambda path: graph(path, outputs=YOLO_80, value=9.0), [], "scores up to 9"),
        (lambda path: graph(path, outputs=YOLO_80), ["--head", "yolox", "--labels", "coco-80"], "its head needs"),
        (lambda path: graph(path, outputs=YOLO_80, value=0.9), [], "smaller than a pixel"),
        (
            lambda path: graph(
                path, outputs=YOLO_80, more=(helper.make_tensor_value_info("scale", TensorProto.FLOAT, [1, 2]),)
            ),
            [],
            r"scale \[1, 2\].*--feed",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason_and_leaves_nothing(
    make: Callable[[Path], Path], arguments: list[str], reason: str, command: Command, tmp_path: Path
) -> None:
    assert command("add", make(tmp_path / "model.onnx"), *arguments) == 1
    assert re.search(reason, command.err, re.DOTALL), command.err
    assert command.err.startswith("web-detector: ")
    assert len(command.err.splitlines()) == 1
    assert command.files() == []


def test_coco_is_taken_for_80_classes(command: Command, tmp_path: Path) -> None:
    made = graph(tmp_path / "model.onnx", outputs={"dets": (1, 9, 4), "labels": (1, 9, 80)}, value=0.5)
    assert command("add", made) == 0, command.err
    assert Catalogue(command.models).get("model").labels == COCO_80
    assert command.entry("model")["labels"] == "coco-80"


def test_the_command_line_hands_over_to_the_detector(tmp_path: Path) -> None:
    made = onnx_models.yolo(tmp_path / "squares.onnx")

    def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "cli.main", "models", *map(str, arguments)],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "MODELS_DIR": str(tmp_path / "models")},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    added = run("add", made)
    assert added.returncode == 0, added.stderr
    assert "web-detector detect --model squares" in added.stdout
    assert not (ROOT / "data" / "models" / "squares.json").exists()
    listed = run("list")
    assert re.search(r"^squares +installed +openvino +160x160", listed.stdout, re.MULTILINE)
    refused = run("add", made)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "web-detector models" in run("--help").stdout
