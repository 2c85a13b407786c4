"""What a compose file and the Dockerfiles that it names say of a service, read without an engine."""

import json
import math
import re
import shlex
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from tests.support.deployments.service import ROOT

ROLES = ("api", "processor", "detector")
# What starts a role, and what its image must not hold.
_ENTRIES = {
    "api": ("api.asgi", ["av", "openvino", "processor", "detector", "cli", "pytest"]),
    "processor": ("processor.worker", ["flask", "connexion", "openvino", "alembic", "api", "detector", "cli"]),
    "detector": ("detector.worker", ["flask", "connexion", "sqlalchemy", "api", "processor", "cli"]),
}
MAIN = "docker-compose.yaml"


class Compose:
    """Compose files, the later ones over the earlier ones, as `docker compose --file A --file B` reads them."""

    def __init__(self, *names: str) -> None:
        self.text = "".join((ROOT / name).read_text() for name in names)
        merged: dict[str, Any] = {}
        for name in names:
            merged = _merged(merged, yaml.safe_load((ROOT / name).read_text()))
        self.services: dict[str, Any] = merged["services"]
        self.volumes: dict[str, Any] = merged.get("volumes", {})

    def own_image(self, service: str) -> bool:
        """Whether a service runs an image that is built here."""
        return str(self.services[service]["image"]).startswith("web-detector-")

    def role(self, service: str) -> str:
        """The role whose Dockerfile makes the image of a service."""
        image = self.services[service]["image"]
        makers = (other for other in self.services.values() if other["image"] == image and "build" in other)
        return str(next(makers)["build"]["dockerfile"].split("/")[0])

    def niceness(self, service: str) -> int:
        """What comes close to a service's share of the processor: each step takes a fifth of it."""
        return round(math.log(1024 / self.services[service].get("cpu_shares", 1024), 1.25))

    def command(self, service: str, values: Mapping[str, str]) -> list[str]:
        """The compose file's, or else the image's, in which a shell fills in what it names."""
        if (command := self.services[service].get("command")) is not None:
            return [interpolated(str(word), values) for word in command]
        return list(dockerfile(self.role(service))["CMD"])

    def environment(self, service: str, values: Mapping[str, str]) -> dict[str, str]:
        """What the compose file and the image put there. values: those of .env."""
        environ = dict(dockerfile(self.role(service))["ENV"])
        for name, value in self.services[service]["environment"].items():
            text = values.get(name) if value is None else interpolated(str(value), values)
            if text is not None:
                environ[name] = text
        return environ


def entry_and_foreign(role: str) -> str:
    """Python code that imports the entry of a role and prints the list of what is there and must not be."""
    entry, foreign = _ENTRIES[role]
    return f"import {entry}, importlib.util as u; print([n for n in {foreign} if u.find_spec(n)])"


@cache
def dockerfile(role: str) -> dict[str, Any]:
    """What the last stage says: COPY as (source, target), ENV and ARG as (name, value), RUN as text, FROM, USER, and
    CMD as a list. BUILT are its copies out of earlier stages, as (source, target); SOURCES what any stage copies.
    """
    sources: list[str] = []
    found: dict[str, Any] = {}
    for line in (ROOT / role / "Dockerfile").read_text().replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found = {"COPY": [], "BUILT": [], "ENV": [], "ARG": [], "RUN": [], "USER": "", "CMD": None}
            found["FROM"] = rest.split()[0]
        elif word == "COPY":
            words = interpolated(rest, dict(found["ARG"])).split()
            if words[0].startswith("--from="):
                found["BUILT"].append(tuple(words[1:]))
            else:
                found["COPY"].append(tuple(words))
                sources += words[:-1]
        elif word in ("ENV", "ARG"):
            found[word] += [tuple(pair.split("=", 1)) for pair in shlex.split(rest)]
        elif word == "RUN":
            found["RUN"].append(rest)
        elif word == "USER":
            found["USER"] = rest
        elif word == "CMD":
            found["CMD"] = json.loads(rest)
    return {**found, "SOURCES": sources}


def interpolated(text: str, values: Mapping[str, str]) -> str:
    """The text with its ${NAME}, ${NAME:-default} and ${NAME:?message} filled in, the inner ones first.

    So it asks for a required variable in a default that is not needed, as Compose does up to 2.26.
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
    both = {name: _merged(one[name], other[name]) for name in one if isinstance(one[name], dict) and name in other}
    return {**one, **other, **both}


COMPOSE = Compose(MAIN)
