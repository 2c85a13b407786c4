"""What a search asks for: query parameters as data. Pure."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from starlette.datastructures import QueryParams

from analytics.scenes.checks import GRID as CHECKED
from analytics.scenes.checks import against_polygon
from analytics.search.hours import DAY, EVER, Hours, Span, to_ms
from analytics.search.paths import GRID
from contracts.errors import InvalidInput
from contracts.results.codec import SCORE_SCALE

Order = Literal["newest", "score"]
Polygon = tuple[tuple[int, int], ...]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WAYS = {"n": 0, "ne": 45, "e": 90, "se": 135, "s": 180, "sw": 225, "w": 270, "nw": 315}
# To both sides of a direction.
_SPREAD = 45
_CORNERS = 100
_DEGREES = re.compile(r"\d{1,3}", re.ASCII)
_HOUR = re.compile(r"(\d{1,2})(?::(\d\d))?", re.ASCII)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to find. Empty and None mean anything.

    start, end: when a track begins, in ms since 1970, end excluded. zone, minutes, days: see
    `analytics.search.hours.Hours`. source: of the video. polygons: in steps of analytics.search.paths.GRID; the path
    comes through one of them. min_score: in 1/10000. min_ms: how long. way: direction in degrees clockwise from up.
    """

    labels: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None
    zone: str = "UTC"
    minutes: tuple[int, int] = (0, DAY)
    days: tuple[int, ...] = tuple(range(7))
    tag: str | None = None
    source: str | None = None
    video: str | None = None
    job: str | None = None
    polygons: tuple[Polygon, ...] = ()
    min_score: int = 0
    min_ms: int = 0
    way: int | None = None
    order: Order = "newest"

    @property
    def hours(self) -> Hours:
        return Hours(ZoneInfo(self.zone), *self.minutes, frozenset(self.days))

    @property
    def dated(self) -> bool:
        """Whether it asks for times of the wall clock."""
        return self.start is not None or self.end is not None or not self.hours.always

    @property
    def names_videos(self) -> bool:
        """Whether it names some of the videos or jobs."""
        return any(name is not None for name in (self.tag, self.video, self.job))

    @property
    def within(self) -> Span:
        return (EVER[0] if self.start is None else self.start, EVER[1] if self.end is None else self.end)

    @property
    def headings(self) -> tuple[Span, ...]:
        """Ranges of headings in degrees, both ends included; none for any, also for none."""
        if self.way is None:
            return ()
        low, high = self.way - _SPREAD, self.way + _SPREAD
        if low < 0:
            return ((0, high), (360 + low, 359))
        return ((low, 359), (0, high - 360)) if high >= 360 else ((low, high),)

    def digest(self) -> str:
        """A digest that ties a cursor to its question."""
        return hashlib.sha256(msgspec.msgpack.encode(self)).hexdigest()[:12]


def question_of(parameters: QueryParams, polygons: Sequence[Polygon] = ()) -> Question:
    """The question that query parameters ask, which were validated against the spec.

    polygons: of the scene that they name. Raises InvalidInput.
    """
    for name in ("label", "tag", "source"):
        if not all(text.isprintable() for text in parameters.getlist(name)):
            raise InvalidInput(f"{name} contains control characters: remove them")
    zone = _zone(parameters.get("time_zone", "UTC"))
    start, end = (_moment(name, parameters.get(name), zone) for name in ("from", "to"))
    if start is not None and end is not None and start >= end:
        raise InvalidInput(f"from ({parameters['from']}) must come before to ({parameters['to']})")
    if "zone" in parameters and "scene" not in parameters:
        raise InvalidInput("a zone is given without its scene: give scene too")
    if "polygon" in parameters:
        if polygons:
            raise InvalidInput("a scene and a polygon are given: give one of them")
        polygons = [_polygon(parameters["polygon"])]
    return Question(
        labels=tuple(sorted(set(parameters.getlist("label")))),
        start=start,
        end=end,
        zone=zone.key,
        minutes=_minutes(parameters.get("hour_from"), parameters.get("hour_to")),
        days=tuple(sorted({_DAYS.index(day) for day in parameters.getlist("weekday")})) or tuple(range(7)),
        tag=parameters.get("tag"),
        source=_source(parameters),
        video=parameters.get("video"),
        job=parameters.get("job"),
        polygons=tuple(polygons),
        min_score=round(_number(parameters, "min_score") * SCORE_SCALE),
        min_ms=round(_number(parameters, "min_seconds") * 1000),
        way=_way(parameters["direction"]) if "direction" in parameters else None,
        order="score" if parameters.get("sort") == "score" else "newest",
    )


def polygons_of(zones: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Polygon]:
    """The polygons of the zones of a scene with these names, of all where none is given. Raises InvalidInput."""
    if not zones:
        raise InvalidInput("the scene has no zone, and a search needs one: draw one, or omit scene")
    known = {zone["name"]: zone["polygon"] for zone in zones}
    if unknown := [name for name in names if name not in known]:
        raise InvalidInput(f"the scene has no zone {unknown[0]!r}: it has {', '.join(known)}")
    return [on_grid(known[name]) for name in dict.fromkeys(names or known)]


def on_grid(points: Sequence[Sequence[float]]) -> Polygon:
    """The corners of a polygon, in 0 to 1 of the displayed frame, in steps of GRID."""
    return tuple((round(x * GRID), round(y * GRID)) for x, y in points)


def _source(parameters: QueryParams) -> str | None:
    source, stream = parameters.get("source"), parameters.get("stream")
    if source is not None and stream is not None:
        raise InvalidInput("a source and a stream are given, and a stream is a source: give one of them")
    return source if stream is None else f"stream:{stream}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            f"time_zone is {name}: give the name of a time zone, as in Europe/Berlin or America/New_York"
        ) from None


def _moment(name: str, text: str | None, zone: ZoneInfo) -> int | None:
    """A time in ms since 1970; one without an offset is of the zone."""
    if text is None:
        return None
    try:
        # An unescaped "+" of the offset arrives as a blank.
        moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text) if "T" in text else text)
        ms = to_ms(moment if moment.tzinfo else moment.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise InvalidInput(f"{name} is {text}: write a time like 2026-01-31T12:00:00Z") from None
    return min(max(ms, EVER[0]), EVER[1])


def _minutes(start: str | None, end: str | None) -> tuple[int, int]:
    found = (_minute("hour_from", start or "0"), _minute("hour_to", end or "24"))
    if found[0] == found[1]:
        raise InvalidInput(f"hour_from and hour_to are both {start}: nothing is between them")
    return found


def _minute(name: str, text: str) -> int:
    match = _HOUR.fullmatch(text)
    hour, minute = (int(part or 0) for part in match.groups()) if match else (99, 0)
    if minute > 59 or 60 * hour + minute > DAY:
        raise InvalidInput(f"{name} is {text}: write a time of the day like 8 or 22:30, 24 at most")
    return 60 * hour + minute


def _polygon(text: str) -> Polygon:
    """The polygon of a list of numbers x1,y1,x2,y2,..."""
    numbers = [float(number) for number in text.split(",")]
    if not all(0 <= number <= 1 for number in numbers):
        raise InvalidInput("polygon leaves the frame: give numbers from 0 to 1")
    if len(numbers) % 2:
        raise InvalidInput(
            f"polygon has {len(numbers)} numbers: give x and y of each corner, as in 0.1,0.5,0.9,0.5,0.5,1"
        )
    if len(numbers) > 2 * _CORNERS:
        raise InvalidInput(f"polygon has {len(numbers) // 2} corners: give {_CORNERS} at most")
    points = list(zip(numbers[::2], numbers[1::2], strict=True))
    if problem := against_polygon([[round(number * CHECKED) for number in point] for point in points]):
        raise InvalidInput(f"polygon {problem}")
    return on_grid(points)


def _way(text: str) -> int:
    degrees = _WAYS.get(text, int(text) if _DEGREES.fullmatch(text) else 360)
    if degrees >= 360:
        raise InvalidInput(
            f"direction is {text}: give one of {', '.join(_WAYS)}, or 0 to 359 degrees clockwise from up"
        )
    return degrees


def _number(parameters: QueryParams, name: str) -> float:
    value = float(parameters.get(name, 0))
    if not 0 <= value < 1e9:  # as NaN is not
        raise InvalidInput(f"{name} is {parameters[name]}: give a number from 0 on")
    return value
