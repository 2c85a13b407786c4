"""These tests are about HTTP and what lies behind it: a short clip says as much as a long one."""

from pathlib import Path

import pytest

from tests.support.videos.sample_variants import recoded

FRAMES = 48


@pytest.fixture(scope="session")
def sample(full_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frames of the sample clip: a person, then a cat."""
    return recoded(full_sample, tmp_path_factory.mktemp("clip") / full_sample.name, "libx264", range(FRAMES))
