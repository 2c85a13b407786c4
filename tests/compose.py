"""docker-compose.yaml and the Dockerfiles as data."""

import json
import re
import shlex
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from tests.service import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
ROLES = ("api", "processor", "detector")
# What starts a role, and what its image must not hold.
_ENTRIES = {
    "api": ("api.asgi", ["av", "openvino", "processor", "detector", "cli", "pytest"]),
    "processor": ("processor.worker", ["flask", "connexion", "openvino", "alembic", "api", "detector", "cli"]),
    "detector": ("detector.worker", ["flask", "connexion", "sqlalchemy", "api", "processor", "cli"]),
}
_OWN = re.compile(r"web-detector-([a-z-]+):")


def own_image(service: str) -> bool:
    """Whether a service runs an image that is built here."""
    return bool(_OWN.match(COMPOSE["services"][service]["image"]))


def role_of(service: str) -> str:
    """The role whose Dockerfile makes the image of a service."""
    image = COMPOSE["services"][service]["image"]
    makers = (other for other in COMPOSE["services"].values() if other["image"] == image and "build" in other)
    return str(next(makers)["build"]["dockerfile"].split("/")[0])


def entry_and_foreign(role: str) -> str:
    """Python code that imports the entry of a role and prints the list of what is there and must not be."""
    entry, foreign = _ENTRIES[role]
    return f"import {entry}, importlib.util as u; print([n for n in {foreign} if u.find_spec(n)])"


@cache
def dockerfile(role: str) -> dict[str, Any]:
    """COPY as (source, target), ENV and ARG as (name, value), RUN as text, FROM, USER, and CMD as a list."""
    found: dict[str, Any] = {"COPY": [], "ENV": [], "ARG": [], "RUN": [], "FROM": "", "USER": "", "CMD": None}
    for line in (ROOT / role / "Dockerfile").read_text().replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        if word == "COPY":
            found["COPY"].append(tuple(interpolated(rest, dict(found["ARG"])).split()))
        elif word in ("ENV", "ARG"):
            found[word] += [tuple(pair.split("=", 1)) for pair in shlex.split(rest)]
        elif word == "RUN":
            found["RUN"].append(rest)
        elif word in ("FROM", "USER"):
            found[word] = rest
        elif word == "CMD":
            found["CMD"] = json.loads(rest)
    return found


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
