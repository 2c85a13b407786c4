"""What the check for a GPU makes of its parts. (The parts need PyTorch: tests/long/test_gpu_check.py.)"""

import json
import sys
from pathlib import Path

import pytest

from tools.gpu_check.__main__ import main, run
from tools.gpu_check.report import UNPREPARED, Outcome, Report


def report(minutes: float = 8) -> Report:
    return Report("cuda:0", "a GPU", "1.2", minutes)


def broken() -> Outcome:
    raise MemoryError("none left")


def test_a_part_that_breaks_is_told_and_the_next_ones_run(tmp_path: Path) -> None:
    made = report()
    run(made, {"breaks": broken, "works": lambda: Outcome(True, {"ratio": 2})}, tmp_path / "check.json")
    told = json.loads((tmp_path / "check.json").read_text())
    assert told["passed"] is made.passed is False
    assert (told["checks"]["breaks"]["passed"], told["checks"]["breaks"]["reason"]) == (False, "MemoryError: none left")
    assert (told["checks"]["works"]["passed"], told["checks"]["works"]["figures"]) == (True, {"ratio": 2})


def test_parts_that_there_was_no_time_for_are_named_and_do_not_pass(tmp_path: Path) -> None:
    made = report(minutes=0)
    run(made, {"late": lambda: Outcome(True)}, tmp_path / "check.json")
    told = json.loads((tmp_path / "check.json").read_text())
    assert (told["passed"], told["checks"]["late"]["passed"]) == (False, None)
    assert "no time left of 0 minutes" in told["checks"]["late"]["reason"]


def test_without_its_packages_it_names_the_missing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["--output", str(tmp_path / "check.json")]) == UNPREPARED
    assert "torch" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
