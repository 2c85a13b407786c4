"""These tests are about HTTP and what lies behind it: a short clip says as much as a long one."""

from pathlib import Path

import pytest

from tests.support.videos.sample_variants import recoded

FRAMES = 48


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frames of the sample clip: a person, then a cat."""
    source = Path(__file__).parents[2] / "samples/things.mp4"
    return recoded(source, tmp_path_factory.mktemp("clip") / source.name, "libx264", range(FRAMES))
