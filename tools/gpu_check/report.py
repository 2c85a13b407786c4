"""The JSON file of a check: where it ran, and what came of each of its parts."""

import json
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PASSED, FAILED, MISUSED, NO_DEVICE, UNPREPARED = range(5)
_PACKAGES = ("torch", "torchvision", "detectron2", "sal-detectron2", "numpy", "pytest", "msgspec", "zstandard")


@dataclass(frozen=True)
class Outcome:
    """Of one part. passed: None where it was not run. reason: why it did not pass or did not run."""

    passed: bool | None
    figures: dict[str, Any] = field(default_factory=dict)
    reason: str = ""


@dataclass
class Report:
    """All parts so far."""

    device: str
    device_name: str
    driver: str
    limit_minutes: float
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Note what came of a part."""
        found = {"passed": outcome.passed, "seconds": round(seconds, 1), "figures": outcome.figures}
        self.checks[name] = found | ({"reason": outcome.reason} if outcome.reason else {})

    @property
    def passed(self) -> bool:
        """Whether every part ran and passed."""
        return bool(self.checks) and all(found["passed"] is True for found in self.checks.values())

    def write(self, path: Path) -> None:
        """Write it, as far as it is; a check that is killed leaves the parts that it had done."""
        content = {
            "date": self.date,
            "device": self.device,
            "device_name": self.device_name,
            "driver": self.driver,
            "python": platform.python_version(),
            "versions": versions(),
            "limit_minutes": self.limit_minutes,
            "passed": self.passed,
            "checks": self.checks,
        }
        part = path.with_name(f"{path.name}.part")
        part.write_text(json.dumps(content, indent=1) + "\n")
        part.replace(path)


def versions() -> dict[str, str]:
    """The releases of the packages that are there."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def driver() -> str:
    """The release of NVIDIA's driver, as its own tool says it; empty where there is none."""
    try:
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.strip().partition("\n")[0]
