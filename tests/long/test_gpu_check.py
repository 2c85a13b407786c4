"""The check for a GPU machine, in small on the CPU: see tools/check-gpu."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments.service import ROOT
from tools.gpu_check.report import NO_DEVICE, PASSED

pytestmark = pytest.mark.detectron2

PARTS = {
    "conformance",
    "memory_halving",
    "batch_occupancy",
    "service_like_to_model_only",
    "engine_to_one_by_one",
}


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHON": sys.executable}
    command = [str(ROOT / "tools/check-gpu"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_all_parts_pass_on_a_cpu_and_are_told_in_one_file(tmp_path: Path) -> None:
    done = check("--device", "cpu", "--output", str(tmp_path / "check.json"))
    assert done.returncode == PASSED, done.stdout + done.stderr
    told: dict[str, Any] = json.loads((tmp_path / "check.json").read_text())
    assert [path.name for path in tmp_path.iterdir()] == ["check.json"]
    assert (told["device"], told["passed"], told["checks"].keys()) == ("cpu", True, PARTS)
    assert all(part["passed"] for part in told["checks"].values())
    assert {"torch", "torchvision", "numpy"} <= told["versions"].keys()
    parts = {name: part["figures"] for name, part in told["checks"].items()}
    assert parts["conformance"]["passed"] > 30
    assert parts["batch_occupancy"]["fill"] == 1.0
    assert 0 < parts["memory_halving"]["halved_to"] <= 3


def test_without_its_device_it_says_so_and_checks_nothing(tmp_path: Path) -> None:
    done = check("--device", "cuda:99", "--output", str(tmp_path / "check.json"))
    assert done.returncode == NO_DEVICE
    assert "nothing was checked: PyTorch has no device 'cuda:99' here; it has: cpu" in done.stderr
    assert not list(tmp_path.iterdir())
