"""Reads compose files and their Dockerfiles without a container engine."""

import json
import math
import re
import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.deployments.service import ROOT

ROLES = ("api", "processor", "detector", "ingest")
# Entry module of each role, and packages that its image must not contain.
_ENTRIES = {
    "api": ("api.asgi", ["av", "openvino", "processor", "detector", "cli", "pytest"]),
    "processor": ("processor.worker", ["flask", "connexion", "openvino", "alembic", "api", "detector", "cli"]),
    "detector": ("detector.worker", ["flask", "connexion", "sqlalchemy", "api", "processor", "ingest", "cli"]),
    "ingest": (
        "ingest.worker",
        ["flask", "connexion", "sqlalchemy", "openvino", "onnxruntime", "api", "processor", "detector", "cli"],
    ),
}
MAIN = "docker-compose.yaml"


class Compose:
    """Merged compose files, as in `docker compose --file A --file B`, without the files that they include. root: the
    tree that they are in."""

    def __init__(self, *names: str, root: Path = ROOT) -> None:
        self.root = root
        self.text = "".join((root / name).read_text() for name in names)
        merged: dict[str, Any] = {}
        for name in names:
            merged = _merged(merged, yaml.safe_load((root / name).read_text()))
        self.services: dict[str, Any] = merged["services"]
        self.volumes: dict[str, Any] = merged.get("volumes", {})

    def enabled(self, *profiles: str) -> set[str]:
        """The services that `up` starts with these profiles: theirs, and those that are in none."""
        return {
            name for name, one in self.services.items() if not one.get("profiles") or {*profiles} & {*one["profiles"]}
        }

    def own_image(self, service: str) -> bool:
        """Whether the image of a service is built from this repository."""
        return str(self.services[service]["image"]).startswith("web-detector-")

    def role(self, service: str) -> str:
        """The role whose Dockerfile builds the image of a service."""
        image = self.services[service]["image"]
        makers = (other for other in self.services.values() if other["image"] == image and "build" in other)
        return str(next(makers)["build"]["dockerfile"].split("/")[0])

    def niceness(self, service: str) -> int:
        """Niceness that approximates a service's cpu_shares: each step reduces the CPU weight by a fifth."""
        return round(math.log(1024 / self.services[service].get("cpu_shares", 1024), 1.25))

    def command(self, service: str, values: Mapping[str, str]) -> list[str]:
        """The command of the compose file, or else of the image, with its variables expanded."""
        if (command := self.services[service].get("command")) is not None:
            return [interpolated(str(word), values) for word in command]
        return list(dockerfile(self.role(service), self.root)["CMD"])

    def environment(self, service: str, values: Mapping[str, str]) -> dict[str, str]:
        """The environment by compose file and image. values: of .env."""
        environ = dict(dockerfile(self.role(service), self.root)["ENV"])
        for name, value in self.services[service]["environment"].items():
            text = values.get(name) if value is None else interpolated(str(value), values)
            if text is not None:
                environ[name] = text
        return environ


def entry_and_foreign(role: str) -> str:
    """Python code that imports the entry module of a role and prints the forbidden modules that were loaded."""
    entry, foreign = _ENTRIES[role]
    return f"import {entry}, importlib.util as u; print([n for n in {foreign} if u.find_spec(n)])"


@cache
def dockerfile(role: str, root: Path = ROOT) -> dict[str, Any]:
    """Instructions of the last stage: COPY as (source, target), ENV, ARG and LABEL as (name, value), RUN as text, FROM,
    USER, and CMD as a list. BUILT: copies from earlier stages as (source, target); SOURCES: sources of all stages.
    """
    sources: list[str] = []
    found: dict[str, Any] = {}
    for line in (root / role / "Dockerfile").read_text().replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found = {"COPY": [], "BUILT": [], "ENV": [], "ARG": [], "LABEL": [], "RUN": [], "USER": "", "CMD": None}
            found["FROM"] = rest.split()[0]
        elif word == "COPY":
            words = interpolated(rest, dict(found["ARG"])).split()
            if words[0].startswith("--from="):
                found["BUILT"].append(tuple(words[1:]))
            else:
                found["COPY"].append(tuple(words))
                sources += words[:-1]
        elif word in ("ENV", "ARG", "LABEL"):
            found[word] += [tuple(pair.split("=", 1)) for pair in shlex.split(rest)]
        elif word == "RUN":
            found["RUN"].append(rest)
        elif word == "USER":
            found["USER"] = rest
        elif word == "CMD":
            found["CMD"] = json.loads(rest)
    return {**found, "SOURCES": sources}


def interpolated(text: str, values: Mapping[str, str]) -> str:
    """Expand ${NAME}, ${NAME:-default} and ${NAME:?message}, inner ones first.

    Like Compose up to 2.26, it requires variables even in unused defaults.
    Raises KeyError with name and message.
    """

    def value(match: re.Match[str]) -> str:
        name, kind, word = match.groups()
        if values.get(name):
            return values[name]
        if kind == ":?":
            raise KeyError(f"{name}: {word}")
        return word or ""

    while (done := re.sub(r"\$\{(\w+)(?:(:[-?])([^${}]*))?\}", value, text)) != text:
        text = done
    return text


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {name: _of_both(name, one[name], other[name]) for name in one if name in other}
    return {**one, **other, **both}


def _of_both(name: str, one: Any, other: Any) -> Any:
    """As Compose merges them: mappings by key, lists by appending but for commands."""
    if isinstance(one, dict) and isinstance(other, dict):
        return _merged(one, other)
    if isinstance(one, list) and isinstance(other, list) and name not in ("command", "entrypoint", "test"):
        return one + [value for value in other if value not in one]
    return other


COMPOSE = Compose(MAIN)
