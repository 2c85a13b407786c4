"""Fixtures of the fault tests. `own` is the deployment that a module disturbs."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments.breakable import Patient, short
from tests.support.deployments.deployment import Deployment


@pytest.fixture(scope="module")
def patient(own: Deployment) -> Patient:
    """A client that repeats its requests."""
    return Patient(own.url).register("patient")


@pytest.fixture(scope="module")
def clip(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of several chunks."""
    return short(sample, tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def video(patient: Patient, clip: Path) -> Any:
    """The clip as an uploaded video."""
    return patient.upload(clip)
