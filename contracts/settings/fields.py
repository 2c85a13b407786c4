"""Metadata of settings: help text, roles, and checks of their text."""

import os
import re
from collections.abc import Callable
from dataclasses import Field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Literal, get_args

from msgspec import Meta

from contracts.errors import SettingsError

Role = Literal["api", "processor", "detector", "ingest"]
ROLES: tuple[Role, ...] = get_args(Role)
EVERY = ROLES
WORKERS: tuple[Role, ...] = ("processor", "detector")
SIGNING_KEY_LENGTH = 32


def meta(
    help: str,
    roles: tuple[Role, ...],
    *,
    required: bool = False,
    secret: bool = False,
    least_length: int = 0,
    ge: int | None = None,
    le: int | None = None,
    check: Callable[[str], object] | None = None,
) -> Meta:
    """Metadata of a setting. help: for the documentation. roles: roles that read it.

    least_length: minimum length of a secret that the operator chooses. check: validates the text beyond its type;
    raises ValueError, or SettingsError where the text must not be repeated."""
    extra = {"roles": roles, "required": required, "secret": secret, "least_length": least_length, "check": check}
    return Meta(description=help, ge=ge, le=le, extra=extra)


def noted(field: Field[Any]) -> Meta:
    """The Meta of a setting."""
    return next(item for item in get_args(field.type) if isinstance(item, Meta))


def extra(field: Field[Any]) -> dict[str, Any]:
    """Metadata beyond help and limits, by the parameter names of `meta`."""
    return noted(field).extra or {}


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Parse a list of networks. Raises ValueError."""
    return tuple(ip_network(item.strip()) for item in text.split(",") if item.strip())


def addresses(text: str) -> tuple[str, ...]:
    """Parse a list of IP addresses. Raises ValueError."""
    return tuple(str(ip_address(item.strip())) for item in text.split(",") if item.strip())


def origins(text: str) -> tuple[str, ...]:
    """Parse a list of origins. Raises ValueError."""
    found = tuple(item.strip() for item in text.split(",") if item.strip())
    for origin in found:
        if not re.fullmatch(r"https?://[^/\s*?#]+", origin):
            raise ValueError(f"{origin} is no origin: write it as https://example.org, without a path")
    return found


def host_names(text: str) -> frozenset[str]:
    """Parse a list of host names; lower case. Raises ValueError."""
    found = frozenset(item.strip().lower() for item in text.split(",") if item.strip())
    for name in found:
        if name != "*" and not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", name):
            raise ValueError(f"{name} is no host name: write it as video.example.org, without https:// and port")
    return found


def port_range(text: str) -> tuple[int, int] | None:
    """Parse "first-last"; None for an empty text. Raises ValueError."""
    if not text:
        return None
    found = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text.strip())
    if found is None or not 1 <= int(found[1]) <= int(found[2]) <= 65_535:
        raise ValueError("write it as first-last, as in 50000-50100")
    return int(found[1]), int(found[2])


def collector(url: str) -> None:
    """Raises SettingsError for what is no URL of a collector; the text never contains its password."""
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        raise SettingsError("is no URL of a collector: write it as http://collector:4318, or with https://")


def share(text: str) -> None:
    """Raises ValueError for what is no share."""
    if not 0 <= float(text) <= 1:
        raise ValueError("write a number from 0 to 1")


def program(path: str) -> None:
    """Raises ValueError for a path that is not an executable file."""
    if not os.access(path, os.X_OK) or Path(path).is_dir():
        raise ValueError("there is no such program")
