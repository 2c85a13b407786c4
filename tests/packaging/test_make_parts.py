"""The parts of `make test` are all tests but those of the long tier, each in one part."""

import re
from fnmatch import fnmatch
from pathlib import Path

from tests.support.deployments.service import ROOT


def taken(arguments: str) -> set[Path]:
    """The test files that a line of the Makefile runs."""
    ignored = re.findall(r'--ignore-glob="([^"]+)"', arguments)
    found: set[Path] = set()
    for pattern in re.findall(r"(?<!\S)tests/[^\s)]+", arguments):
        for path in ROOT.glob(pattern):
            found |= set(path.rglob("test_*.py")) if path.is_dir() else {path}
    return {path for path in found if not any(fnmatch(str(path), one) for one in ignored)}


def test_each_test_file_is_in_one_part() -> None:
    text = (ROOT / "Makefile").read_text()
    (names,) = re.findall(r"^PARTS := (.+)$", text, re.M)
    parts = {}
    for name in names.split():
        (arguments,) = re.findall(rf"^{name}:.*\n(?:\t.*\n)*?\t\$\(BIN\)/pytest (.+)\n", text, re.M)
        parts[name] = taken(arguments.replace("$(wildcard", ""))
    there = {path for path in (ROOT / "tests").rglob("test_*.py") if path.relative_to(ROOT).parts[1] != "long"}
    assert sum(map(len, parts.values())) == len(set().union(*parts.values())), "a file is in two parts"
    assert set().union(*parts.values()) == there
