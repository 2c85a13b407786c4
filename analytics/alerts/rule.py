"""Alert rules, the sightings that they are asked about, and which fit."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import msgspec

from analytics.alerts.schedule import Schedule, first_within
from analytics.scenes.events import Direction, EventType
from contracts.results.codec import SCORE_SCALE

# What a rule about a scene is told where it names no type of event: that an object is there.
_PRESENCE = frozenset({EventType.ENTERS, EventType.APPEARS, EventType.CROSSES})


class Search(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a rule looks for, as the API has it. Empty and None mean anything.

    min_ms: how long a track lasts at least; for the event `dwells`, how long it stays in the zone. scene_id: then the
    rule is about events at that scene, of one zone or line where it is named. source: of the video, `stream:ID` for a
    stream; stream_id names streams.
    """

    label: tuple[str, ...] = ()
    min_score: float = 0.0
    min_ms: int = 0
    scene_id: str | None = None
    zone: str | None = None
    line: str | None = None
    event: EventType | None = None
    direction: Direction | None = None
    stream_id: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()

    @property
    def dwell_ms(self) -> int | None:
        """After how long in a zone there is an event for it, None where it wants none."""
        return self.min_ms if self.event is EventType.DWELLS else None

    @property
    def events(self) -> frozenset[EventType]:
        """The types of events that it is about, where it names a scene."""
        return _PRESENCE if self.event is None else frozenset({self.event})


@dataclass(frozen=True)
class Rule:
    """A rule of a user. schedule: None for always. at_most_one_in_ms: no two of its alerts are nearer in time."""

    id: str
    search: Search
    schedule: Schedule | None
    at_most_one_in_ms: int

    @cached_property
    def sources(self) -> frozenset[str]:
        """The sources that it is about, none for all."""
        return frozenset({*self.search.source, *map(stream_source, self.search.stream_id)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A track as far as it is known, or what it did at a zone or line of a scene.

    track: its number in the job or stream. label, score: its own, the score in 1/10000. begin, end: when it was seen,
    in ms since 1970; of an event, when it happened, both. dated: False where these are the time of an upload, since
    nobody knows when the video was recorded. start: the begin in ms of the video, or of the stream clock. stream_id: of
    a live stream, or of a recording with its tracks; job_id and video_id: of a job. source, tags: of the video;
    `stream:ID` is the source of a stream and of its recordings. An event has scene_id, event, and zone or line;
    crossings have a direction, and dwell_ms of `dwells` is the time after which there was to be one; ongoing: the stay
    had begun before what is known of the stream, so that it may have been told.
    """

    track: int
    label: str
    score: int
    begin: int
    end: int
    start: int
    dated: bool = True
    stream_id: str | None = None
    video_id: str | None = None
    job_id: str | None = None
    source: str | None = None
    tags: frozenset[str] = frozenset()
    scene_id: str | None = None
    event: EventType | None = None
    zone: str | None = None
    line: str | None = None
    direction: Direction | None = None
    dwell_ms: int | None = None
    ongoing: bool = False

    @property
    def key(self) -> str:
        """The same for the same track or event, whenever it is offered. A recording of a stream has the tracks of the
        stream."""
        if self.event is None:
            return f"{self.stream_id or self.job_id}:{self.track}"
        place = f"{self.scene_id}:{self.zone or ''}:{self.line or ''}"
        # Of a live stream, its own clock is exact: what the wall clock showed is known from when packets came.
        time = self.start if self.video_id is None else self.begin
        return f"{self.stream_id or self.job_id}:{self.track}:{self.event}:{time}:{self.direction or ''}:{place}"


def stream_source(stream_id: str) -> str:
    """The source of a stream and of its recordings."""
    return f"stream:{stream_id}"


def raised_at(rule: Rule, sighting: Sighting) -> int | None:
    """When a sighting raises an alert of a rule, in ms since 1970; None where it does not fit. A track fits as soon as
    it is seen within the schedule; one that is dated by its upload alone fits no schedule."""
    search = rule.search
    if (search.label and sighting.label not in search.label) or sighting.score < round(search.min_score * SCORE_SCALE):
        return None
    if (rule.sources and sighting.source not in rule.sources) or (search.tag and sighting.tags.isdisjoint(search.tag)):
        return None
    if search.scene_id is None:
        if sighting.event is not None or sighting.end - sighting.begin < search.min_ms:
            return None
    elif not _is_event(search, sighting):
        return None
    if rule.schedule is None:
        return sighting.begin
    return first_within(rule.schedule, sighting.begin, sighting.end) if sighting.dated else None


def matches(rule: Rule, sighting: Sighting) -> bool:
    """Whether a sighting fits a rule."""
    return raised_at(rule, sighting) is not None


def dwells_wanted(rules: Iterable[Rule]) -> dict[str, set[int | None]]:
    """The scenes whose events rules need, each with the times in ms after which there are to be events `dwells`; None
    where events without them will do."""
    found: dict[str, set[int | None]] = {}
    for rule in rules:
        if rule.search.scene_id is not None:
            found.setdefault(rule.search.scene_id, set()).add(rule.search.dwell_ms)
    for dwells in found.values():
        if len(dwells) > 1:  # the other events are the same with any
            dwells.discard(None)
    return found


def _is_event(search: Search, sighting: Sighting) -> bool:
    """Whether a sighting is an event that a search at a scene is about."""
    return (
        sighting.scene_id == search.scene_id
        and sighting.event in search.events
        and (search.zone is None or sighting.zone == search.zone)
        and (search.line is None or sighting.line == search.line)
        and (search.direction is None or sighting.direction == search.direction)
        and (search.dwell_ms is None or sighting.dwell_ms == search.dwell_ms)
    )
