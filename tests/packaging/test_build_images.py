"""tools/build-images with a stand-in for docker: what is built, listed and pushed. test_images.py builds by buildah."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.deployments.compose import COMPOSE
from tests.support.deployments.service import ROOT

REGISTRY = "registry.example.org/team"


def calls(folder: Path, *words: str) -> list[list[str]]:
    """What docker is called with."""
    (folder / "bin").mkdir()
    docker = folder / "bin/docker"
    docker.write_text('#!/bin/bash\nprintf "%q " "$@" >> "$CALLS"; echo >> "$CALLS"\n[ "$1" != run ] || echo "{}"\n')
    docker.chmod(0o755)
    environ = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "CALLS": str(folder / "calls")}
    command = [str(ROOT / "tools/build-images"), "-t", "1.2.3", "-s", str(folder / "lists"), *words]
    subprocess.run(command, env=environ, check=True, capture_output=True, timeout=60)
    return [shlex.split(line) for line in (folder / "calls").read_text().splitlines()]


def test_the_images_of_all_roles_are_built_listed_and_pushed(tmp_path: Path) -> None:
    images = [f"{REGISTRY}/web-detector-{role}:1.2.3" for role in ("api", "processor", "detector", "ingest")]
    called = calls(tmp_path, "-r", REGISTRY)
    assert [words[0] for words in called] == ["build", "run", "push"] * len(images)
    assert [words[words.index("--tag") + 1] for words in called if words[0] == "build"] == images
    assert [words[-1] for words in called if words[0] == "push"] == images
    assert all(words[-3:] == [image, "python", "-"] for words, image in zip(called[1::3], images, strict=True))
    assert len(list((tmp_path / "lists").glob("*.cdx.json"))) == len(images)


@pytest.mark.parametrize("role", ["api", "detector-gpu"])
def test_an_image_is_built_as_the_compose_file_says(tmp_path: Path, role: str) -> None:
    [built, _] = calls(tmp_path, role)
    wanted = COMPOSE.services[role]["build"]
    assert built[built.index("--file") + 1] == wanted["dockerfile"]
    arguments = dict(built[place + 1].split("=", 1) for place, word in enumerate(built) if word == "--build-arg")
    assert arguments.pop("SOURCE_DATE_EPOCH").isdigit()
    assert arguments == {name: value for name, value in wanted["args"].items() if name != "USER_ID"}
    assert built[-1] == "."
