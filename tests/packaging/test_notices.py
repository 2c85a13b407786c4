"""THIRD_PARTY_NOTICES.md names every package and server that is shipped or started, and the images' labels agree."""

import re
from fnmatch import fnmatch
from importlib import metadata

import pytest

from tests.support.deployments.compose import COMPOSE, ROLES, Compose, dockerfile, interpolated
from tests.support.deployments.service import ROOT

TEXT = (ROOT / "THIRD_PARTY_NOTICES.md").read_text()
# How older metadata spell what SPDX names.
SPELLINGS = {
    "Apache-2.0": "apache",
    "BSD-2-Clause": "freebsd",
    "BSD-3-Clause": "bsd",
    "MIT": "mit",
    "MPL-2.0": "mpl",
}


def table(heading: str) -> list[list[str]]:
    """The rows of the table with that first line, as cells."""
    lines = TEXT[TEXT.index(heading) :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


LICENCES = {name: row[0] for row in table("| licence | packages |") for name in row[1].split(", ")}
OF_THE_PAGE = dict(table("| package of the page | licence |"))
OF_PYTORCH = [
    name for row in table("| package | licence |\n| --- | --- |\n| Detectron2") for name in row[0].split(", ")
]


def locked(*names: str) -> set[str]:
    """The packages of lock files."""
    files = [(ROOT / f"requirements/{name}.txt").read_text() for name in names]
    return {found for text in files for found in re.findall(r"^([\w.-]+)==", text, re.M)}


def terms(expressions: set[str]) -> set[str]:
    """The licences that all hold. Of alternatives with one that holds anyway, that one is chosen."""
    single = {term for text in expressions if " OR " not in text for term in text.split(" AND ")}
    return single | {text for text in expressions if " OR " in text and not single & set(text.split(" OR "))}


def test_all_packages_of_the_service_are_named_and_no_others() -> None:
    assert set(LICENCES) == locked("embedded", *ROLES)


def test_all_packages_of_the_pytorch_engines_are_named() -> None:
    named = [*OF_PYTORCH, *LICENCES]
    assert [name for name in locked("detectron2") if not any(fnmatch(name, pattern) for pattern in named)] == []


@pytest.mark.parametrize("name", sorted(LICENCES))
def test_licences_are_those_of_the_installed_packages(name: str) -> None:
    about = metadata.metadata(name)
    named = terms({LICENCES[name]})
    if expressions := about.get_all("License-Expression"):
        assert terms(set(expressions)) <= named
        return
    words = " ".join([*(about.get_all("License") or []), *(about.get_all("Classifier") or [])]).lower()
    assert all(SPELLINGS[licence] in words for text in named for licence in text.split(" OR "))


@pytest.mark.parametrize("role", ROLES)
def test_labels_of_the_images_name_the_licences_of_all_that_they_hold(role: str) -> None:
    held = {"Apache-2.0", *(LICENCES[name] for name in locked(role))}
    if role == "api":
        held |= set(OF_THE_PAGE.values())
    label = dict(dockerfile(role)["LABEL"])["org.opencontainers.image.licenses"]
    assert label == " AND ".join(sorted(terms(held)))


@pytest.mark.parametrize("role", ["processor", "detector", "ingest"])
def test_images_with_gpl_libraries_say_so(role: str) -> None:
    assert "av" in locked(role)
    assert "GPL-2.0-or-later" in dict(dockerfile(role)["LABEL"])["org.opencontainers.image.licenses"].split(" AND ")


def test_servers_of_the_compose_file_are_named() -> None:
    named = {row[0].split()[0] for row in table("| image | licence |")}
    started = [service["image"] for name, service in COMPOSE.services.items() if not COMPOSE.own_image(name)]
    parts = Compose("deploy/monitoring.yaml", "deploy/gateway.yaml").services
    started += [interpolated(service["image"], {}) for service in parts.values()]
    assert named == {image.partition(":")[0] for image in started}
