"""When a rule is on: days and hours, as the clocks of a time zone show them."""

import re
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from analytics.search.hours import DAY, EVER, Hours, spans

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)


class Schedule(msgspec.Struct, frozen=True, rename={"start": "from", "end": "to"}):
    """As the API has it. days: 0 for Monday to 6; those of the start. start, end: times of the day, end excluded; where
    the end is not after the start, it is on the next day. timezone: whose clocks show them."""

    days: tuple[int, ...] = tuple(range(7))
    start: str = "00:00"
    end: str = "24:00"
    timezone: str = "UTC"


def problem(schedule: Schedule) -> str | None:
    """Why a schedule means nothing, and what to do; None where it is one."""
    if not schedule.days:
        return "the schedule has no days: name some, 0 for Monday to 6 for Sunday, or omit days for all of them"
    for name, text in (("from", schedule.start), ("to", schedule.end)):
        if not _TIME.fullmatch(text):
            return f"{name} of the schedule is {text!r}: write a time of the day like 22:00, 24:00 at most"
    if schedule.start == "24:00":
        return "from of the schedule is 24:00: write 00:00, and name the day after"
    if schedule.start == schedule.end:
        return f"from and to of the schedule are both {schedule.start}: nothing is between them; omit both for all day"
    try:
        ZoneInfo(schedule.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"there is no time zone {schedule.timezone!r}: give a name like Europe/Berlin, America/New_York or UTC"
    return None


def first_within(schedule: Schedule, begin: int, end: int) -> int | None:
    """The first moment from begin to end, both included, in which a schedule is on, in ms since 1970; None where it is
    not."""
    within = (max(begin, EVER[0]), min(end + 1, EVER[1]))
    return min((low for low, _ in spans(_hours(schedule), within)), default=None)


@lru_cache(maxsize=1024)
def _hours(schedule: Schedule) -> Hours:
    days = frozenset(schedule.days)
    return Hours(ZoneInfo(schedule.timezone), _minutes(schedule.start), _minutes(schedule.end), days)


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return min(60 * int(hours) + int(minutes), DAY)
