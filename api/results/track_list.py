"""Pages of a job's tracks. Pure except for reading groups of tracks."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from api.results.selection import Filter, class_ids
from contracts.results.codec import BOX_SCALE, SCORE_SCALE, times_ms
from contracts.results.tracks import Track, Tracks
from contracts.results.tracks_file import TracksFile
from contracts.wire.messages import ResultHeader

DEFAULT_LIMIT = 100
# Points of paths on a page, some 5 MB of JSON: where a camera shakes, hardly a point of a path is left out.
MOST_POINTS = 100_000


class TrackQuery(Filter, frozen=True, kw_only=True):
    """A filter of tracks. min_score: of the best object. from_ms, to_ms: tracks that are there at some time from one
    (inclusive) to the other (exclusive). basis: what the tracks were made of, so that a cursor is not continued in
    others."""

    labels: tuple[str, ...] = ()
    min_score: float | None = None
    min_frames: int | None = None
    from_ms: float | None = None
    to_ms: float | None = None
    basis: str = ""


def read_tracks(
    file: TracksFile, header: ResultHeader, query: TrackQuery, first: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """At most `limit` tracks from the number `first` on, as JSON has them, and the number to continue at, if any. Fewer
    where their paths have more than MOST_POINTS points, but at least one.

    Raises InvalidInput for an unknown label.
    """
    found: list[dict[str, Any]] = []
    points = 0
    for track in _wanted(file, header, query, max(first, 1)):
        points += len(track.path)
        if len(found) == limit or (found and points > MOST_POINTS):
            return found, track.id
        found.append(representation(track, header))
    return found, None


def representation(track: Track, header: ResultHeader) -> dict[str, Any]:
    """The JSON representation of a track: times in milliseconds, places in pixels."""
    times = np.array([track.first_time, track.last_time, track.best_time], np.int64)
    start, end, best = times_ms(times, header.time_base).tolist()
    return {
        "id": track.id,
        "label": header.labels[track.class_id],
        "first_frame": track.first_frame,
        "last_frame": track.last_frame,
        "from_ms": start,
        "to_ms": end,
        "frames": track.frames,
        "score": track.best_score / SCORE_SCALE,
        "best_frame": track.best_frame,
        "best_ms": best,
        "best_box": [edge / BOX_SCALE for edge in track.best_box],
        "hull": [edge / BOX_SCALE for edge in track.hull],
        "path": [{"frame": frame, "x": x / BOX_SCALE, "y": y / BOX_SCALE} for frame, x, y in track.path.tolist()],
    }


def _wanted(file: TracksFile, header: ResultHeader, query: TrackQuery, first: int) -> Iterator[Track]:
    classes = class_ids(query.labels, header)
    for position in range(file.group_of(first), file.groups):
        group = file.group(position)
        starts = times_ms(group.first_time, header.time_base)
        if query.to_ms is not None and starts.min() >= query.to_ms:  # later groups begin later
            return
        wanted = (group.id >= first) & _matches(group, query, classes)
        if query.from_ms is not None:
            wanted &= times_ms(group.last_time, header.time_base) >= query.from_ms
        if query.to_ms is not None:
            wanted &= starts < query.to_ms
        yield from (group[place] for place in np.flatnonzero(wanted).tolist())


def _matches(group: Tracks, query: TrackQuery, classes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which tracks are selected, whenever they are there."""
    wanted = np.ones(len(group), bool)
    if len(classes):
        wanted &= np.isin(group.class_id, classes)
    if query.min_score is not None:
        wanted &= group.best_score >= round(query.min_score * SCORE_SCALE)
    if query.min_frames is not None:
        wanted &= group.frames >= query.min_frames
    return wanted
