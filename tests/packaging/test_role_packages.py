"""The image of each role holds what its code may import, and the drivers of the servers that it opens."""

import re
import sys
from functools import cache
from importlib import metadata

import grimp
import pytest
from packaging.utils import canonicalize_name

from tests.packaging.test_locked import locked
from tests.support.deployments.compose import ROLES
from tests.support.deployments.service import ROOT

PACKAGES = ("contracts", "analytics", "media", *ROLES)
# The engines on PyTorch have an image of their own; without it they say what installs them.
OF_THE_GPU_IMAGE = {"torch", "torchvision", "detectron2"}
# What opens the server of a setting, and the packages that it takes by the scheme of the address. Celery and SQLAlchemy
# find theirs by name, where no import can be seen.
OPENS: dict[str, tuple[str, dict[str, set[str]]]] = {
    "BROKER_URL": ("contracts.workers.celery_app", {"amqp": {"celery", "amqp"}, "redis": {"celery", "redis"}}),
    "RESULT_STORE_URL": ("contracts.results.open", {"redis": {"redis"}, "postgresql": {"pg8000", "scramp"}}),
    "DATABASE_URL": ("contracts.database.engine", {"sqlite": {"sqlalchemy"}, "postgresql": {"sqlalchemy", "pg8000"}}),
    "STORAGE_URL": ("contracts.storage.open", {"s3": {"botocore"}}),
}


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        *PACKAGES, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )


@cache
def _distributed() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


def _distributions(library: str) -> set[str]:
    """Those that bring a library, by the names that lock files have."""
    return {canonicalize_name(name) for name in _distributed().get(library, [])}


def reached(role: str) -> set[str]:
    """All modules that the role imports, at once or later, and the libraries by their top names."""
    return _graph().find_upstream_modules(role, as_package=True)


@pytest.mark.parametrize("role", ROLES)
def test_each_library_that_a_role_imports_is_in_its_lock_file(role: str) -> None:
    libraries = {name for name in reached(role) if name.split(".")[0] not in (*sys.stdlib_module_names, *PACKAGES)}
    assert "redis" in libraries
    missing = {name for name in libraries if not _distributions(name) & locked(role)}
    assert missing == (OF_THE_GPU_IMAGE if role == "detector" else set())


@pytest.mark.parametrize("setting", OPENS)
def test_a_role_that_opens_a_server_has_its_driver_and_the_docs_say_who_does(setting: str) -> None:
    opener, drivers = OPENS[setting]
    opening = {role for role in ROLES if opener in reached(role)}
    lacking = {
        (role, scheme, package)
        for role in opening
        for scheme, packages in drivers.items()
        for package in packages - locked(role)
    }
    assert lacking == set()
    page = (ROOT / "docs/deploy.md").read_text()
    [row] = re.findall(rf"^\| [^|]*`{setting}`[^|]*\|(.*)\|$", page, re.M)
    told = [cell.strip().startswith(("yes", "reads", "writes")) for cell in row.split("|")]
    assert {role for role, is_opened in zip(ROLES, told, strict=True) if is_opened} == opening
