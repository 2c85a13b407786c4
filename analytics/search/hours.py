"""Times of the wall clock: a range of dates, days of the week, hours of the day."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

# Milliseconds since 1970, end excluded.
Span = tuple[int, int]

DAY = 24 * 60
DAY_MS = DAY * 60_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MS
_ALL_DAYS = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Hours:
    """Parts of the days of a week, as the clocks of a zone show them.

    start, end: minutes of the day, 0 to 1440, end excluded; where the end is not after the start, it is on the next
    day. days: those of the start, from 0 for Monday on.
    """

    zone: ZoneInfo
    start: int = 0
    end: int = DAY
    days: frozenset[int] = _ALL_DAYS

    @property
    def always(self) -> bool:
        """Whether every time is in it."""
        return (self.start, self.end, self.days) == (0, DAY, _ALL_DAYS)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return (moment - _EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """The moment so many milliseconds after 1970, in UTC; the last one that there is for all later ones."""
    return _EPOCH + min(ms, _LAST) * _MS


# All times of the wall clock, with days to spare on both sides.
EVER: Span = (to_ms(datetime(1, 1, 10, tzinfo=UTC)), to_ms(datetime(9999, 12, 20, tzinfo=UTC)))


def spans(hours: Hours, within: Span) -> Iterator[Span]:
    """The spans of time of these hours within another one of EVER, the latest first. Those that meet are one."""
    if hours.always:
        yield within
        return
    pending: Span | None = None
    for low, high in _parts(hours, within):
        if pending and high >= pending[0]:
            pending = (low, pending[1])
            continue
        if pending:
            yield pending
        pending = (low, high)
    if pending:
        yield pending


def common(first: Iterable[Span], second: Iterable[Span]) -> Iterator[Span]:
    """The spans that are in both, of spans without overlaps, the latest first."""
    others = iter(second)
    other = next(others, None)
    for low, high in first:
        while other and other[1] > low:
            start, end = max(low, other[0]), min(high, other[1])
            if start < end:
                yield start, end
            if other[0] < low:
                break
            other = next(others, None)


def merged(found: Iterable[Span]) -> list[Span]:
    """Spans without overlaps, the latest first, of any spans."""
    kept: list[Span] = []
    for low, high in sorted(found, key=lambda span: span[1], reverse=True):
        if kept and high >= kept[-1][0]:
            kept[-1] = (min(low, kept[-1][0]), kept[-1][1])
        else:
            kept.append((low, high))
    return kept


def _parts(hours: Hours, within: Span) -> Iterator[Span]:
    """The part of each day, the latest first."""
    low, high = within
    day = from_ms(high).astimezone(hours.zone).date() + timedelta(days=1)
    first = from_ms(low).astimezone(hours.zone).date() - timedelta(days=1)
    later = 0 if hours.end > hours.start else DAY
    while day >= first:
        if day.weekday() in hours.days:
            start = max(low, _at(day, hours.start, hours.zone, ends=False))
            end = min(high, _at(day, hours.end + later, hours.zone, ends=True))
            if start < end:
                yield start, end
        day -= timedelta(days=1)


def _at(day: date, minute: int, zone: ZoneInfo, *, ends: bool) -> int:
    """When a part of a day begins or ends at a minute that the clocks of a zone show: of the times that they show
    twice, nothing is left out. Where they skip it, the moment at which they are set."""
    days, rest = divmod(minute, DAY)
    shown = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), zone)
    if ends:
        shown -= _MS  # the last one that is in the part
    first, second = (to_ms(shown.replace(fold=fold)) for fold in (0, 1))
    if second < first:
        return _change(second, first, zone)
    return second + 1 if ends else first


def _change(low: int, high: int, zone: ZoneInfo) -> int:
    """When the clocks of a zone are set between two moments."""

    def offset(moment: int) -> timedelta | None:
        return from_ms(moment).astimezone(zone).utcoffset()

    before = offset(low)
    return low + bisect_left(range(low, high), True, key=lambda moment: offset(moment) != before)
