"""Renders deploy/kubernetes by kubectl's kustomize and checks it, without a cluster. The tools have an environment of
their own, .venv/kubernetes, made by `make test-code`."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.deployments.service import ROOT
from tests.support.requirements import missing

FOLDER = ROOT / "deploy/kubernetes"
NAMESPACE = "web-detector"
_BIN = Path(sys.prefix) / "kubernetes/bin"


def tool(name: str) -> str:
    """Path of a program of the environment; without it, the test is skipped or fails."""
    if not (_BIN / name).exists():
        missing(f"{name} is not installed: make test-code installs it into {_BIN}")
    return str(_BIN / name)


@cache
def rendered(overlay: str, *components: str) -> str:
    """What `kubectl apply --kustomize` would send of an overlay in overlays/, with components of components/."""
    if not components:
        return build(FOLDER / "overlays" / overlay)
    own = [f"../../components/{name}" for name in components]
    return with_overlay({"namespace": NAMESPACE, "resources": [f"../{overlay}"], "components": own})


def with_overlay(content: dict[str, Any]) -> str:
    """What an overlay with this kustomization.yaml, beside the others, renders to."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "kubernetes"
        shutil.copytree(FOLDER, copy)
        own = copy / "overlays/own"
        own.mkdir()
        (own / "kustomization.yaml").write_text(yaml.safe_dump(content))
        return build(own)


def build(folder: Path) -> str:
    """Raises CalledProcessError where kustomize refuses the folder."""
    command = [tool("kubectl"), "kustomize", str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def objects(text: str, *kinds: str) -> list[dict[str, Any]]:
    """The objects of those kinds, or all."""
    return [one for one in _parsed(text) if not kinds or one["kind"] in kinds]


@cache
def _parsed(text: str) -> Sequence[dict[str, Any]]:
    return list(yaml.load_all(text, yaml.CSafeLoader))


def by_name(text: str, *kinds: str) -> dict[str, dict[str, Any]]:
    """The same, by name."""
    return {one["metadata"]["name"]: one for one in objects(text, *kinds)}


def pod(found: dict[str, Any]) -> dict[str, Any]:
    """The specification of the pods that a Deployment, StatefulSet or Job makes."""
    spec: dict[str, Any] = found["spec"]["template"]["spec"]
    return spec


def container(found: dict[str, Any]) -> dict[str, Any]:
    """Its only container."""
    (only,) = pod(found)["containers"]
    return dict(only)
