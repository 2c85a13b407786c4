"""The int8 file of the bundled model is made by the project's own tool."""

import os
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from contracts.models.catalogue import bundled
from detector.engine import EngineConfig
from detector.engines.loaded import BUNDLED_WEIGHTS, Engines
from detector.engines.openvino import OpenVinoEngine
from detector.models_command.models_folder import hash_of
from tests.support.deployments.service import ROOT
from tests.support.measuring.agreement import detections, share
from tests.support.videos import held_back

MODEL = bundled("nanodet-g")
FRAMES = 70


@pytest.mark.int8
def test_the_quantiser_makes_the_int8_file_or_on_another_cpu_one_that_agrees_as_well(tmp_path: Path) -> None:
    assert MODEL.int8_file is not None
    made = tmp_path / MODEL.int8_file
    command = [os.environ["INT8_PYTHON"], "-m", "tools.quantize_nanodet", str(made)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=1800)
    if made.read_bytes() == (BUNDLED_WEIGHTS / MODEL.int8_file).read_bytes():
        print("the same bytes")
        return
    print("other bytes than those of the file in the repository: its agreement is measured")
    original = Engines(Path("/nowhere"), EngineConfig()).get(MODEL, "fp32")
    engine = OpenVinoEngine(EngineConfig())
    engine.setup(replace(MODEL, int8_sha256=hash_of(made)), made, "int8")
    for name in held_back.CLIPS:
        clip = held_back.clip(name, FRAMES)
        fp32, int8 = (detections(one, MODEL, clip) for one in (original, engine))
        print(f"{name}: {share(fp32, int8):.1%} kept, {1 - share(int8, fp32):.1%} extra")
        assert share(fp32, int8) >= 0.99
        assert share(int8, fp32) >= 0.99
