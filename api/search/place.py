"""Where a page of hits ends. Pure."""

import re
from dataclasses import dataclass

from contracts.errors import InvalidCursor

_CURSOR = re.compile(r"([0-9a-f]{12})\.(\d{1,5})\.(-?\d{1,16})\.([0-9a-f-]{36})\.(\d{1,9})", re.ASCII)


# In place of a job: before the tracks of all jobs.
NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Place:
    """A hit in the order of hits: its score and at, see IndexedTrack, its job or NOBODY, and its number there."""

    score: int
    at: int
    job_id: str
    number: int


def format_cursor(place: Place | None, digest: str) -> str | None:
    """A cursor that is valid for the question with this digest only; None where nothing comes after."""
    if place is None:
        return None
    return f"{digest}.{place.score}.{place.at}.{place.job_id}.{place.number}"


def parse_cursor(cursor: str | None, digest: str) -> Place | None:
    """The place to continue after. Raises InvalidCursor, also for the cursor of another question."""
    if cursor is None:
        return None
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidCursor("this is not a valid cursor: use next of the previous page unchanged")
    told, score, at, job_id, number = match.groups()
    if told != digest:
        raise InvalidCursor("the cursor belongs to another search: keep the parameters, or start without a cursor")
    return Place(int(score), int(at), job_id, int(number))
