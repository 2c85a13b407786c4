"""`web-detector models list`, `verify` and `remove`."""

import json
import re
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from contracts.errors import UnknownModel
from contracts.models import catalogue
from contracts.models.catalogue import Catalogue, write_entry
from detector.models_command.__main__ import main
from tests.support.models import onnx_models
from tests.support.models_command import Command


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with two models."""
    folder = tmp_path_factory.mktemp("data") / "models"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELS_DIR", str(folder))
        for name in ("good", "frail"):
            assert main(["add", str(onnx_models.yolo(folder.parent / f"{name}.onnx"))]) == 0
    return folder


@pytest.fixture
def two(command: Command, installed: Path) -> Command:
    """Two models are installed, of which one is broken easily."""
    shutil.copytree(installed, command.models)
    return command


def states(command: Command) -> dict[str, str]:
    assert command("list", "--json") == 0
    return {row["id"]: row["state"] for row in json.loads(command.out)}


def test_list_shows_usable_and_available_models(two: Command) -> None:
    (two.models / "frail.onnx").unlink()
    (two.models / "scrap.json").write_text("{}")
    found = states(two)
    assert {name: found[name] for name in ("nanodet-g", "good", "frail", "scrap", "yolox-s", "rf-detr-nano")} == {
        "nanodet-g": "installed",
        "good": "installed",
        "frail": "file missing",
        "scrap": "broken entry",
        "yolox-s": "ready to pull",
        "rf-detr-nano": "to be added",
    }
    assert two("list") == 0
    assert re.search(r"^yolox-s +ready to pull +openvino +640x640 +Apache-2.0 +40\.5 box AP.*README", two.out, re.M)
    assert re.search(r"^mask-rcnn\S+ +ready to pull +detectron2 +any +CC-BY-SA", two.out, re.M)


def test_list_works_without_the_folder_and_does_not_create_it(command: Command) -> None:
    assert states(command)["nanodet-g"] == "installed"
    assert not command.models.parent.exists()


def test_verify_runs_every_model_and_names_the_broken_ones(two: Command) -> None:
    assert two("verify") == 0
    assert re.findall(r"^(\S+): well, openvino", two.out, re.M) == ["nanodet-g", "nanodet-g", "frail", "good"]
    assert "int8" in two.out
    content = bytearray((two.models / "frail.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (two.models / "frail.onnx").write_bytes(content)
    (two.models / "scrap.json").write_text("{}")
    assert two("verify") == 1
    assert re.search(r"^frail: BROKEN: .*was changed", two.out, re.M)
    assert re.search(r"^scrap: BROKEN: .*missing required field", two.out, re.M)
    assert re.search(r"^good: well", two.out, re.M)
    assert two("verify", "good") == 0
    assert "frail" not in two.out
    assert two("verify", "frail") == 1
    assert two("verify", "none") == 1
    assert "there are: nanodet-g, frail, good" in two.err


def test_a_model_is_removed_with_its_file(two: Command) -> None:
    assert two("remove", "frail") == 0
    assert two.files() == ["good.json", "good.onnx"]
    with pytest.raises(UnknownModel):
        Catalogue(two.models).get("frail")
    assert two("remove", "frail") == 1
    assert "there are: good" in two.err


def test_a_file_that_another_model_uses_stays(two: Command) -> None:
    shared = replace(Catalogue(two.models).get("good"), id="twin")
    (two.models / "twin.json").write_bytes(write_entry(shared))
    assert two("remove", "good") == 0
    assert two.files() == ["frail.json", "frail.onnx", "good.onnx", "twin.json"]
    assert two("remove", "twin") == 0
    assert two.files() == ["frail.json", "frail.onnx"]


def test_an_entry_that_cannot_be_read_can_be_removed(two: Command) -> None:
    (two.models / "scrap.json").write_text("{}")
    assert two("remove", "scrap") == 0
    assert "scrap.json" not in two.files()


def test_bundled_model_cannot_be_removed_but_its_replacement_can(two: Command) -> None:
    assert two("remove", "nanodet-g") == 1
    assert "bundled" in two.err
    own = replace(catalogue.bundled("nanodet-g"), title="mine")
    (two.models / "nanodet-g.json").write_bytes(write_entry(own))
    assert two("remove", "nanodet-g") == 0
    assert Catalogue(two.models).get("nanodet-g") == catalogue.bundled("nanodet-g")
    assert two("verify", "nanodet-g") == 0


def test_nothing_outside_of_the_folder_can_be_removed(two: Command, tmp_path: Path) -> None:
    outside = tmp_path / "data" / "other.json"
    outside.write_bytes(write_entry(replace(catalogue.bundled("nanodet-g"), id="other")))
    assert two("remove", "../other") == 1
    assert outside.exists()


def test_file_of_another_model_is_not_overwritten(two: Command, tmp_path: Path) -> None:
    before = (two.models / "good.onnx").read_bytes()
    taken = replace(Catalogue(two.models).get("good"), id="other")
    (two.models / "other.json").write_bytes(write_entry(taken))
    (two.models / "good.json").unlink()
    assert two("add", onnx_models.detr(tmp_path / "good.onnx"), "--labels", _labels(tmp_path)) == 1
    assert "belongs to other" in two.err
    assert (two.models / "good.onnx").read_bytes() == before


def test_settings_that_are_wrong_are_named(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "many")
    assert command("list") == 1
    assert "PORT" in command.err


def test_a_folder_that_cannot_be_written_is_named(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "file"))
    assert command("add", onnx_models.yolo(tmp_path / "a.onnx")) == 1
    assert str(tmp_path / "file") in command.err


def _labels(folder: Path) -> Path:
    path = folder / "labels.txt"
    path.write_text("red\nblue\n")
    return path
