"""Check the locked packages for known vulnerabilities.

    make audit

Python packages, those of the service and of the engines on PyTorch, are asked for at OSV (by pip-audit), what the page
is built of at npm's registry (by npm audit). Exits with 0 where nothing is known, 1 where something is, and 2 where
those who know do not answer; with --where-possible that is said, and no error.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements/embedded.txt", "requirements/detectron2.txt")
PAGE = ROOT / "web"
CLEAN, KNOWN, UNKNOWN = 0, 1, 2


class NoAnswer(Exception):
    """Those who know do not answer; why."""


def main(arguments: Sequence[str]) -> int:
    """Entry point: the folder of the environment, the one of pip-audit, and whether no answer is no error."""
    bin_folder, audit_folder, *options = arguments
    try:
        known = [line for lock in LOCKS for line in of_python([f"{audit_folder}/pip-audit"], ROOT / lock)]
        known += of_page([str(ROOT / "tools" / "with-node"), bin_folder, "npm"], PAGE)
    except NoAnswer as reason:
        print(f"audit: nothing was checked: {reason}", file=sys.stderr)
        return CLEAN if "--where-possible" in options else UNKNOWN
    # What two lock files name is said once.
    print(*dict.fromkeys(known) or ["audit: no vulnerability is known"], sep="\n")
    return KNOWN if known else CLEAN


def of_python(command: Sequence[str], lock: Path) -> list[str]:
    """A line for each package of a lock file, which has hashes, and each vulnerability that is known of it."""
    options = ["--vulnerability-service", "osv", "--disable-pip", "--strict", "--format", "json"]
    report = _report([*command, *options, "--progress-spinner", "off", "--requirement", str(lock)], ROOT)
    if "dependencies" not in report:
        raise NoAnswer(f"pip-audit has no report: {report}")
    return [
        f"{package['name']} {package['version']}: {vulnerability['id']} "
        f"(mended in {', '.join(vulnerability['fix_versions']) or 'no release'})"
        for package in report["dependencies"]
        for vulnerability in package["vulns"]
    ]


def of_page(npm: Sequence[str], folder: Path) -> list[str]:
    """A line for each package of a package-lock.json with something that is known of it."""
    report = _report([*npm, "audit", "--json", "--package-lock-only"], folder)
    if "auditReportVersion" not in report:
        raise NoAnswer(f"npm audit: {report.get('message') or report}")
    return [
        f"{name} {found['range']}: {found['severity']}, {', '.join(map(_reason, found['via']))}"
        for name, found in report["vulnerabilities"].items()
    ]


def _reason(via: str | dict[str, Any]) -> str:
    """What is wrong in a package itself, or the one that it needs and that is weak."""
    return f"by {via}" if isinstance(via, str) else str(via["title"])


def _report(command: Sequence[str], folder: Path) -> dict[str, Any]:
    """What a tool prints as JSON, whatever its status: that is 1 for findings as for errors."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"it ended with {done.returncode}"]
        raise NoAnswer(f"{Path(command[0]).name}: {said[-1]}") from None
    return report


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
