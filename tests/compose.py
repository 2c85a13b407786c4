"""What a compose file and the Dockerfiles that it names say of a service, read without an engine."""

import json
import re
import shlex
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from tests.service import ROOT

MAIN = "docker-compose.yaml"


class Compose:
    """Compose files, the later ones over the earlier ones, as `docker compose --file A --file B` reads them."""

    def __init__(self, *names: str) -> None:
        self.text = "".join((ROOT / name).read_text() for name in names)
        merged: dict[str, Any] = {}
        for name in names:
            merged = _merged(merged, yaml.safe_load((ROOT / name).read_text()))
        self.services: dict[str, Any] = merged["services"]

    def role(self, service: str) -> str:
        return str(self.services[service]["build"]["dockerfile"].split("/")[0])

    def command(self, service: str, values: Mapping[str, str]) -> list[str]:
        """The compose file's, or else the image's, in which a shell fills in what it names."""
        if (command := self.services[service].get("command")) is not None:
            return [substituted(word, values) for word in command]
        return list(dockerfile(self.role(service))["CMD"])

    def environment(self, service: str, values: Mapping[str, str]) -> dict[str, str]:
        """What the compose file and the image put there. values: those of .env."""
        environ = dict(dockerfile(self.role(service))["ENV"])
        for name, value in self.services[service]["environment"].items():
            text = values.get(name) if value is None else substituted(value, values)
            if text is not None:
                environ[name] = text
        return environ


@cache
def dockerfile(role: str) -> dict[str, Any]:
    """COPY as (source, target), ENV as (name, value), CMD as a list."""
    found: dict[str, Any] = {"COPY": [], "ENV": [], "CMD": None}
    for line in (ROOT / role / "Dockerfile").read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "COPY":
            found["COPY"].append(tuple(rest.split()))
        elif word == "ENV":
            found["ENV"] += [tuple(pair.split("=", 1)) for pair in shlex.split(rest)]
        elif word == "CMD":
            found["CMD"] = json.loads(rest)
    return found


def substituted(text: str, values: Mapping[str, str]) -> str:
    """The text with its ${NAME:-default} and ${NAME:?message} filled in."""

    def value(match: re.Match[str]) -> str:
        name, kind, word = match.groups()
        if values.get(name):
            return values[name]
        assert kind != ":?", f"{name}: {word}"
        return word or ""

    return re.sub(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}", value, str(text))


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {name: _merged(one[name], other[name]) for name in one if isinstance(one[name], dict) and name in other}
    return {**one, **other, **both}
