"""Fixtures of the fault tests. `own` is the deployment that a module disturbs."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments.breakable import Patient, short
from tests.support.deployments.deployment import Deployment
from tests.support.videos.sample_variants import recoded

FRAMES = 72


@pytest.fixture(scope="session")
def sample(full_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frames of the sample clip, several chunks: that modes give the same bytes needs no more."""
    return recoded(full_sample, tmp_path_factory.mktemp("clip") / full_sample.name, "libx264", range(FRAMES))


@pytest.fixture(scope="module")
def patient(own: Deployment) -> Patient:
    """A client that repeats its requests."""
    return Patient(own.url).register("patient")


@pytest.fixture(scope="module")
def clip(full_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of several chunks."""
    return short(full_sample, tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def video(patient: Patient, clip: Path) -> Any:
    """The clip as an uploaded video."""
    return patient.upload(clip)
