"""The bundled model's int8 file: how far it agrees with the original, on clips that it was not calibrated with."""

import hashlib
import sys
from pathlib import Path
from subprocess import run

import numpy as np
import pytest
from msgspec.structs import replace

from contracts.errors import ModelBroken
from contracts.models.catalogue import bundled
from detector.engine import EngineConfig
from detector.engines.loaded import BUNDLED_WEIGHTS, Engines
from detector.engines.openvino import OpenVinoEngine
from tests.support.deployments.service import ROOT
from tests.support.measuring.agreement import detections, share
from tests.support.videos import held_back

MODEL = bundled("nanodet-g")
NOWHERE = Path("/nowhere")
FRAMES = 45
# On every change one; in the long tier all.
CLIPS = ("street", *(pytest.param(name, marks=pytest.mark.long) for name in held_back.CLIPS if name != "street"))


def engines(threads: int = 0) -> Engines:
    return Engines(NOWHERE, EngineConfig(threads=threads))


@pytest.mark.parametrize("clip", CLIPS)
def test_the_int8_file_keeps_the_boxes_of_clips_that_it_has_not_seen_and_adds_none(clip: str) -> None:
    loaded, frames = engines(), held_back.clip(clip, FRAMES)
    fp32, int8 = (detections(loaded.get(MODEL, precision), MODEL, frames) for precision in ("fp32", "int8"))
    assert sum(len(frame.score) for frame in fp32) >= FRAMES
    assert share(fp32, int8) >= 0.99
    assert share(int8, fp32) >= 0.99


def digest(threads: int) -> str:
    """Of all outputs for a few images."""
    images = np.random.default_rng(1).integers(0, 256, (5, 416, 416, 3), np.uint8)
    outputs = list(engines(threads).get(MODEL, "int8").infer(images))
    return hashlib.sha256(b"".join(item[role].tobytes() for item in outputs for role in sorted(item))).hexdigest()


def test_int8_gives_the_same_bytes_with_other_threads_and_in_another_process() -> None:
    code = "from tests.adapters.engines.test_int8 import digest; print(digest(2))"
    other = run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    assert {digest(1), other.stdout.strip()} == {digest(3)}


def test_a_job_in_int8_takes_the_bundled_file_and_auto_does_not() -> None:
    said: list[str] = []
    loaded = Engines(NOWHERE, EngineConfig(), lambda infos: said.append(infos[-1][1].precision))
    loaded.get(MODEL, "int8")
    assert said == ["int8"]
    assert loaded.get(MODEL, "auto").describe().precision != "int8"


@pytest.mark.parametrize("content", [b"", b"PK", b"no model"])
def test_a_packed_file_that_is_none_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.zip"
    path.write_bytes(content)
    model = replace(MODEL, int8_file=path.name, int8_sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(ModelBroken, match="two files of a model"):
        OpenVinoEngine(EngineConfig()).setup(model, path, "int8")


def test_the_int8_file_is_the_one_of_the_entry() -> None:
    assert MODEL.int8_file is not None
    content = (BUNDLED_WEIGHTS / MODEL.int8_file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == MODEL.int8_sha256
    readme = (BUNDLED_WEIGHTS / "README.md").read_text()
    assert MODEL.int8_sha256 in readme
    assert f"{len(content):,} bytes" in readme
