"""Check the locked packages for known vulnerabilities.

    make audit

Python packages of the service and of the PyTorch engines are looked up in OSV (pip-audit), packages of the web UI in
npm's advisory database (npm audit). Exit status: 0 without findings, 1 with findings, 2 when a database does not
answer; with --where-possible the latter is only reported.
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
    """A vulnerability database does not answer. The text is the reason."""


def main(arguments: Sequence[str]) -> int:
    """Entry point. arguments: folder of the environment, folder of pip-audit, optionally --where-possible."""
    bin_folder, audit_folder, *options = arguments
    try:
        known = [line for lock in LOCKS for line in of_python([f"{audit_folder}/pip-audit"], ROOT / lock)]
        known += of_page([str(ROOT / "tools" / "with-node"), bin_folder, "npm"], PAGE)
    except NoAnswer as reason:
        print(f"audit: nothing was checked: {reason}", file=sys.stderr)
        return CLEAN if "--where-possible" in options else UNKNOWN
    # Report findings of several lock files once.
    print(*dict.fromkeys(known) or ["audit: no vulnerability is known"], sep="\n")
    return KNOWN if known else CLEAN


def of_python(command: Sequence[str], lock: Path) -> list[str]:
    """A line per package of a lock file (with hashes) and known vulnerability."""
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
    """A line per package of a package-lock.json with known vulnerabilities."""
    report = _report([*npm, "audit", "--json", "--package-lock-only"], folder)
    if "auditReportVersion" not in report:
        raise NoAnswer(f"npm audit: {report.get('message') or report}")
    return [
        f"{name} {found['range']}: {found['severity']}, {', '.join(map(_reason, found['via']))}"
        for name, found in report["vulnerabilities"].items()
    ]


def _reason(via: str | dict[str, Any]) -> str:
    """The advisory of a package, or its vulnerable dependency."""
    return f"by {via}" if isinstance(via, str) else str(via["title"])


def _report(command: Sequence[str], folder: Path) -> dict[str, Any]:
    """The JSON output of a tool, whatever its status, which is 1 both for findings and for errors."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"it ended with {done.returncode}"]
        raise NoAnswer(f"{Path(command[0]).name}: {said[-1]}") from None
    return report


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
