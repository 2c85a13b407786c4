"""Links between the pages of the documentation."""

import re

from tests.support.deployments.service import ROOT
from tools.house import SERVICES

_NAMED = re.compile(r"\bdocs/[a-z0-9/-]+\.(?:md|ipynb)")
_LINK = re.compile(r"\]\(([^)\s:#]+)(?:#[^)\s]*)?\)")


def test_links_lead_to_files_that_are_there() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    links = [(page, target) for page in pages for target in _LINK.findall(page.read_text())]
    assert len(links) > 100
    broken = [(page.name, target) for page, target in links if not (page.parent / target).exists()]
    assert broken == []


def test_pages_that_the_code_names_are_there() -> None:
    files = [path for folder in (*SERVICES, "tools", "tests") for path in (ROOT / folder).rglob("*.py")]
    named = {name for path in files for name in _NAMED.findall(path.read_text())}
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
