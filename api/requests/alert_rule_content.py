"""Validation of alert rules. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from analytics.alerts.rule import Search
from analytics.alerts.schedule import Schedule, problem
from analytics.scenes.events import EventType
from contracts.errors import AlertRuleRefused

_ONLY_AT_SCENES = ("zone", "line", "event", "direction")
_NARROWING = ("label", "scene_id", "stream_id", "source", "tag")
_DEFAULT_SECONDS = 60


def checked_rule(body: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a rule whose body has passed the spec's schema. Raises AlertRuleRefused."""
    search = _search(body.get("search") or {})
    schedule = body.get("schedule")
    return {
        "name": body["name"],
        "enabled": body.get("enabled", True),
        "search": msgspec.to_builtins(search),
        "schedule": None if schedule is None else msgspec.to_builtins(_schedule(schedule)),
        "at_most_one_in_s": body.get("at_most_one_in_s", _DEFAULT_SECONDS),
        "scene_id": search.scene_id,
        "webhook_id": body.get("webhook_id"),
    }


def require_places(content: Mapping[str, Any], zones: Sequence[str], lines: Sequence[str]) -> None:
    """Raises AlertRuleRefused where the scene of a rule has not what the rule is about. zones, lines: its names."""
    search = msgspec.convert(content["search"], Search)
    for kind, name, names in (("zone", search.zone, zones), ("line", search.line, lines)):
        if name is not None and name not in names:
            raise AlertRuleRefused(f"the scene has no {kind} {name!r}; it has: {', '.join(names) or 'none'}")
    if _is_of_lines(search) and not lines:
        raise AlertRuleRefused("the scene has no line that could be crossed: draw one, or choose another event")
    if search.event is not None and not _is_of_lines(search) and not zones:
        raise AlertRuleRefused(f"the scene has no zone, and {search.event} is said of zones: draw one, or name crosses")


def _search(body: Mapping[str, Any]) -> Search:
    """The search of a rule, with each name once. Raises AlertRuleRefused."""
    given = {name: list(dict.fromkeys(value)) if isinstance(value, list) else value for name, value in body.items()}
    search = msgspec.convert({name: value for name, value in given.items() if value is not None}, Search)
    if not any(getattr(search, name) for name in _NARROWING):
        raise AlertRuleRefused(f"the rule would tell of everything: name one at least of {', '.join(_NARROWING)}")
    if search.scene_id is None:
        for name in _ONLY_AT_SCENES:
            if getattr(search, name) is not None:
                raise AlertRuleRefused(f"the rule names {name} without a scene: give scene_id too")
        return search
    if search.zone is not None and search.line is not None:
        raise AlertRuleRefused("the rule names a zone and a line: make a rule of each")
    if _is_of_lines(search) and search.zone is not None:
        raise AlertRuleRefused("a zone is not crossed, lines are: name a line, or the event enters or leaves")
    if search.event is not None and not _is_of_lines(search) and search.line is not None:
        raise AlertRuleRefused(f"{search.event} is said of zones: name a zone, or the event crosses")
    if search.direction is not None and search.event not in (None, EventType.CROSSES):
        raise AlertRuleRefused(f"{search.event} has no direction: omit it, or name the event crosses")
    if search.event is EventType.DWELLS and not search.min_ms:
        raise AlertRuleRefused("the rule does not say how long an object must stay for dwells: give min_ms")
    if search.min_ms and search.event is not EventType.DWELLS:
        raise AlertRuleRefused(
            "at a scene, min_ms says how long an object stays in a zone: name the event dwells, or omit min_ms"
        )
    return search


def _is_of_lines(search: Search) -> bool:
    """Whether a search at a scene can only be about crossings."""
    return search.event is EventType.CROSSES or search.direction is not None


def _schedule(body: Mapping[str, Any]) -> Schedule:
    """Raises AlertRuleRefused."""
    given = {name: value for name, value in body.items() if value is not None}
    if "days" in given:
        given["days"] = sorted(set(given["days"]))
    schedule = msgspec.convert(given, Schedule)
    if (why := problem(schedule)) is not None:
        raise AlertRuleRefused(why)
    return schedule
