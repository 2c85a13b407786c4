"""Runs the conformance suite of engines with benches on the device."""

import os
from pathlib import Path

import pytest

from detector.engine import EngineConfig
from detector.engines.torch_common import choose_device, precisions
from tests.support.engine_conformance import Bench, torch_bench
from tests.support.models.torch_models import MASK, SMALL_FASTER
from tools.gpu_check.report import Outcome
from tools.gpu_check.subjects import HAS_DETECTRON2

_SUITE = Path(__file__).with_name("conformance_suite.py")
_NAMED = 5  # failures in the reason


class _Plugin:
    """Gives the suite its benches, and notes what becomes of its tests."""

    def __init__(self, benches: dict[str, Bench]) -> None:
        self._benches = benches
        self.passed = 0
        self.failures: dict[str, str] = {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "bench" in metafunc.fixturenames:
            metafunc.parametrize("bench", self._benches.values(), ids=list(self._benches), scope="class")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.passed += report.when == "call" and report.passed
        if report.failed:
            self.failures[report.nodeid.rpartition("::")[2]] = report.longreprtext.strip().splitlines()[-1]


def benches_on(device: str) -> dict[str, Bench]:
    """In fp32 one by one, which gives the same bits, and in batches, which may differ in the last digits. On a CPU,
    where it takes minutes and the tests do it anyway, not with the large network."""
    large = [(MASK, 4)] if HAS_DETECTRON2 and device.startswith("cuda") else []
    return {
        f"{kind.engine}-batch-{batch}": torch_bench(
            kind,
            EngineConfig(device, 0, batch),
            has=lambda: precisions(choose_device(device)),
            precision="fp32",
            exact=batch == 1,
        )
        for kind, batch in [(SMALL_FASTER, 1), (SMALL_FASTER, 4), *large]
    }


def check(device: str) -> Outcome:
    """Run all of it."""
    benches = benches_on(device)
    plugin = _Plugin(benches)
    # Without this repository's settings: another release of PyTorch may warn of things.
    options = ["-q", "-c", os.devnull, "--rootdir", str(_SUITE.parents[2]), "--noconftest", "-p", "no:cacheprovider"]
    code = pytest.main([*options, str(_SUITE)], plugins=[plugin])
    figures = {"benches": list(benches), "passed": plugin.passed, "failed": plugin.failures}
    if plugin.failures:
        named = "; ".join(f"{name}: {line}" for name, line in list(plugin.failures.items())[:_NAMED])
        return Outcome(False, figures, f"{len(plugin.failures)} tests failed: {named}")
    if code or not plugin.passed:
        return Outcome(False, figures, f"pytest ended with status {int(code)}")
    return Outcome(True, figures)
