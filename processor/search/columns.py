"""Tracks as rows of the table of tracks. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from analytics.search.hours import to_ms
from analytics.search.paths import Integers, heading, hulls_on_grid, on_grid, pack
from contracts.database.tables import UNDATED
from contracts.results.tracks import Tracks
from contracts.wire.messages import ResultHeader

_COPIED = {"number": "id", "score": "best_score", "best_frame": "best_frame"}
_AT_ONCE = 1000
_HULL = ("left", "top", "right", "bottom")


@dataclass(frozen=True, slots=True)
class Placed:
    """What rows have in common. labels: number of the term of each class. source: number of its term. begin: the at of
    what begins with the video."""

    labels: tuple[int, ...]
    source: int | None
    begin: int


def beginning(recorded_at: datetime | None, uploaded_at: datetime) -> int:
    """The at of what begins with a video: see IndexedTrack."""
    return UNDATED + to_ms(uploaded_at) if recorded_at is None else to_ms(recorded_at)


def extent(tracks: Tracks, header: ResultHeader, placed: Placed) -> dict[str, int | None]:
    """first_at and last_at of an indexed job."""
    if not len(tracks):
        return {"first_at": None, "last_at": None}
    begins = placed.begin + _ms(tracks.first_time, header)
    return {"first_at": int(begins.min()), "last_at": int(begins.max())}


def rows_of(tracks: Tracks, header: ResultHeader, placed: Placed) -> Iterator[dict[str, Any]]:
    """A row of each track, but for the id of the indexed job. header: of the result that the tracks were made of."""
    for first in range(0, len(tracks), _AT_ONCE):
        yield from _rows_of(tracks.slice(first, first + _AT_ONCE), header, placed)


def _rows_of(tracks: Tracks, header: ResultHeader, placed: Placed) -> Iterator[dict[str, Any]]:
    size = header.media.width, header.media.height
    start, end, best = (_ms(times, header) for times in (tracks.first_time, tracks.last_time, tracks.best_time))
    columns = {name: getattr(tracks, attribute) for name, attribute in _COPIED.items()}
    columns |= {"at": start + placed.begin, "start": start, "length": end - start, "best_ms": best}
    columns |= dict(zip(_HULL, hulls_on_grid(tracks.hull, *size).T, strict=True))
    columns |= {f"box_{name}": edge for name, edge in zip(_HULL, tracks.best_box.T, strict=True)}
    columns["label"] = np.array(placed.labels, np.int64)[tracks.class_id]
    names, values = list(columns), zip(*(column.tolist() for column in columns.values()), strict=True)
    points, grid = tracks.path[:, 1:], on_grid(tracks.path[:, 1:], *size)
    for place, row in enumerate(values):
        part = slice(*tracks.path_starts[place : place + 2])
        own = {"source": placed.source, "heading": heading(points[part], *size), "path": pack(grid[part])}
        yield {**dict(zip(names, row, strict=True)), **own}


def _ms(times: Integers, header: ResultHeader) -> Integers:
    """Times of the video in ms, rounded."""
    numerator, denominator = header.time_base
    return (times * (2000 * numerator) + denominator) // (2 * denominator)
