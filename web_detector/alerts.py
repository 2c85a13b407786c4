"""Rules that raise alerts, and the alerts, as in docs/alerts.md."""

from datetime import datetime

import msgspec

from web_detector.types import Problem


class AlertSearch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a rule looks for; what is left out means any. min_ms: how long a track lasts at least; with the event
    `dwells`, how long it stays in the zone."""

    label: tuple[str, ...] = ()
    min_score: float = 0
    min_ms: int = 0
    scene_id: str | None = None
    zone: str | None = None
    line: str | None = None
    event: str | None = None
    direction: str | None = None
    stream_id: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()


class AlertSchedule(msgspec.Struct, frozen=True, kw_only=True, rename={"begin": "from", "end": "to"}):
    """When a rule is on. days: 0 for Monday to 6, those of the begin. begin, end: times of the day as "22:00", in the
    API `from` and `to`; where the end is not after the begin, it is on the next day. timezone: whose clocks."""

    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    begin: str = "00:00"
    end: str = "24:00"
    timezone: str = "UTC"


class AlertRule(msgspec.Struct, frozen=True, kw_only=True):
    """A saved search with a schedule, None for always. limited_at: when it last raised none because it had raised too
    many. error: why it raises none, or not all, and what to do, failed_at: since when; both None where it works."""

    id: str
    name: str
    enabled: bool
    search: AlertSearch
    schedule: AlertSchedule | None
    at_most_one_in_s: int
    webhook_id: str | None
    limited_at: datetime | None
    created_at: datetime
    failed_at: datetime | None = None
    error: Problem | None = None


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule found. at_ms: when, in ms since 1970; of the upload where it is not dated. start_ms: of the video, or
    of the clock of the stream. event, zone, line, direction: where the rule is about a scene."""

    id: str
    rule_id: str
    rule_name: str
    at_ms: int
    dated: bool
    label: str
    score: float
    event: str | None
    zone: str | None
    line: str | None
    direction: str | None
    video_id: str | None
    job_id: str | None
    stream_id: str | None
    track: int
    start_ms: int
    seen: bool
    created_at: datetime
