"""The command behind tools/check-gpu."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.gpu_check.report import FAILED, NO_DEVICE, PASSED, UNPREPARED, Outcome, Report, driver


def main(arguments: list[str]) -> int:
    """Run the checks in turn; the exit status is one of tools.gpu_check.report."""
    parser = argparse.ArgumentParser(prog="tools/check-gpu")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, or cpu for a small run that proves the check")
    parser.add_argument("--minutes", type=float, default=8, help="begin no part after so many (8)")
    parser.add_argument("--output", type=Path, default=Path("check-gpu.json"), help="file for the result")
    parser.add_argument("--carried", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.carried is not None and asked.carried.is_dir():
        sys.path.append(str(asked.carried))
    try:
        import torch

        from detector.engines.torch_common import choose_device
        from tools.gpu_check.parts import parts_on
    except ImportError as error:
        print(f"a package is missing: {error}; see tools/check-gpu --pack", file=sys.stderr)
        return UNPREPARED
    from contracts.errors import EngineUnavailable

    try:
        device = str(choose_device(asked.device))
    except EngineUnavailable as error:
        print(f"nothing was checked: {error.detail.rpartition(';')[0]}", file=sys.stderr)
        return NO_DEVICE
    on_gpu = device.startswith("cuda")
    name = torch.cuda.get_device_name(device) if on_gpu else "cpu"
    report = Report(device, name, driver() if on_gpu else "", asked.minutes)
    with tempfile.TemporaryDirectory() as folder:
        run(report, parts_on(device, Path(folder)), asked.output)
    return PASSED if report.passed else FAILED


def run(report: Report, parts: Mapping[str, Callable[[], Outcome]], output: Path) -> None:
    """Run the parts that there is time for; after each the file says what came of it."""
    began = time.monotonic()
    for name, part in parts.items():
        since = time.monotonic()
        if since - began >= report.limit_minutes * 60:
            outcome = Outcome(None, reason=f"there was no time left of {report.limit_minutes:g} minutes")
        else:
            try:
                outcome = part()
            except Exception as error:
                outcome = Outcome(False, reason=f"{type(error).__name__}: {error}")
        report.add(name, outcome, time.monotonic() - since)
        report.write(output)
        print(f"{name}: {_word(outcome)}", flush=True)


def _word(outcome: Outcome) -> str:
    word = {True: "passed", False: "FAILED", None: "not run"}[outcome.passed]
    return f"{word}: {outcome.reason}" if outcome.reason else word


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
