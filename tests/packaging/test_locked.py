"""The lock files are solved on one Python, and serve that of the images too."""

import re
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.deployments.compose import ROLES, dockerfile
from tests.support.deployments.service import ROOT

(BASE,) = {dockerfile(role)["FROM"] for role in ROLES}
OF_THE_IMAGES = BASE.partition(":")[2].split("-")[0]
PYTHONS = ("3.11.2", OF_THE_IMAGES)


def locked(name: str) -> set[str]:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    return {canonicalize_name(found) for found in re.findall(r"^([\w.-]+)==", text, re.M)}


def needed(name: str, extras: set[str], python: str) -> set[tuple[str, tuple[str, ...]]]:
    """What an installed package with those extras needs on a Python, each with its own extras."""
    environment = {"python_full_version": python, "python_version": python.rpartition(".")[0]}
    found: set[tuple[str, tuple[str, ...]]] = set()
    for text in metadata.requires(name) or []:
        wanted = Requirement(text)
        marker = wanted.marker
        if marker is None or any(marker.evaluate({**environment, "extra": extra}) for extra in {"", *extras}):
            found.add((canonicalize_name(wanted.name), tuple(sorted(wanted.extras))))
    return found


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("role", [*ROLES, "embedded"])
def test_lock_file_has_all_that_its_packages_need_on_either_python(role: str, python: str) -> None:
    extras = {role} if role != "embedded" else {*ROLES, "cli", "eval", "embedded"}
    seen: set[tuple[str, tuple[str, ...]]] = set()
    waiting = {("web-detector", tuple(sorted(extras)))}
    while waiting:
        seen |= waiting
        waiting = {more for name, own in waiting for more in needed(name, set(own), python)} - seen
    assert {name for name, _ in seen} - locked(role) == {"web-detector"}


def test_images_run_the_python_and_the_debian_that_the_substitute_has() -> None:
    """The tests of the images run on Debian's own Python of that suite, which differs in the last number only."""
    assert BASE.startswith("python:3.13.")
    assert BASE.endswith("-slim-trixie")
    assert f"tools/make-base-image {BASE}" in (ROOT / "tools/make-base-image").read_text()
