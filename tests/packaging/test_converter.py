"""The default model comes from where it says that it comes from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.deployments.service import ROOT


@pytest.mark.model
def test_the_converter_makes_the_model_file_byte_for_byte(tmp_path: Path) -> None:
    made = tmp_path / "made.onnx"
    command = [sys.executable, "tools/convert_nanodet.py", os.environ["MODEL_SOURCE"], str(made)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    assert made.read_bytes() == (ROOT / "detector/models/nanodet-g.onnx").read_bytes()
