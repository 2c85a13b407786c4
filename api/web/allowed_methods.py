"""The methods that the spec allows at a path, for the Allow header of 405 responses."""

import re
from collections.abc import Callable, Mapping
from typing import Any

_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def methods_at(spec: Mapping[str, Any]) -> Callable[[str], tuple[str, ...]]:
    """A function that returns the methods of a path in upper case, () for a path that is not in the spec. HEAD is
    allowed wherever GET is."""
    known = [(_pattern(template), _methods(item)) for template, item in spec["paths"].items()]

    def look(path: str) -> tuple[str, ...]:
        found = {method for pattern, methods in known if pattern.fullmatch(path) for method in methods}
        return tuple(method.upper() for method in _METHODS if method in found)

    return look


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("".join("[^/]+" if part[0] == "{" else re.escape(part) for part in _parts(template)))


def _parts(template: str) -> list[str]:
    return [part for part in re.split(r"({\w+})", template) if part]


def _methods(item: Mapping[str, Any]) -> set[str]:
    found = {method for method in _METHODS if method in item}
    return found | {"head"} if "get" in found else found
