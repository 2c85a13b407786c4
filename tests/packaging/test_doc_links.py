"""The pages of the documentation: their links lead somewhere, and their tables are tables."""

import re
from pathlib import Path

from tests.support.deployments.service import ROOT
from tools.house import SERVICES

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
_NAMED = re.compile(r"\bdocs/[a-z0-9/-]+\.(?:md|ipynb)")
_LINK = re.compile(r'(?:\]\(|(?:src|srcset|href)=")([^)\s:#"]*)(?:#([^)\s"]*))?[)"]')
_NAMING = {".py", ".yaml", ".conf", ".env"}
_CODE = re.compile(r"^```.*?^```", re.M | re.S)
_TEST = re.compile(r"`(?:[\w/]+/)?(test_\w+\.py)(?:::(\w+))?`")
_TABLE = re.compile(r"(?<!\|\n)^\|.*\n(.*)$", re.M)
_HEADING = re.compile(r"^#+ (.+)$", re.M)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub writes them."""
    headings = _HEADING.findall(_CODE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_to_files_and_headings_that_are_there() -> None:
    links = [(page, *link) for page in PAGES for link in _LINK.findall(page.read_text())]
    assert len(links) > 100
    targets = [(page, page.parent / name if name else page, anchor) for page, name, anchor in links]
    broken = [(page.name, str(target)) for page, target, _ in targets if not target.exists()]
    assert broken == []
    unknown = [
        (page.name, f"{target.name}#{anchor}")
        for page, target, anchor in targets
        if anchor and target.suffix == ".md" and anchor not in anchors(target)
    ]
    assert unknown == []


def test_pages_that_other_files_name_are_there() -> None:
    folders = (*SERVICES, "tools", "tests", "benchmarks", "deploy", "migrations")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in _NAMING]
    files += [
        ROOT / name for name in (".env.example", "docker-compose.yaml", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile")
    ]
    named = {name for path in files for name in _NAMED.findall(path.read_text())}
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_tables_have_a_head() -> None:
    """GitHub shows the rows of others as text, such as those after an empty line."""
    seconds = [(page.name, line) for page in PAGES for line in _TABLE.findall(_CODE.sub("", page.read_text()))]
    assert len(seconds) > 50
    assert [(name, line) for name, line in seconds if set(line) - set("|-: ")] == []


def test_tests_that_the_pages_name_are_there() -> None:
    code: dict[str, str] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        code[path.name] = code.get(path.name, "") + path.read_text()
    named = {found for page in PAGES for found in _TEST.findall(page.read_text())}
    assert len(named) > 50
    assert [one for one in sorted(named) if f"def {one[1]}" not in code.get(one[0], "")] == []
