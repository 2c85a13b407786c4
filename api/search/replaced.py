"""Which jobs of a video are replaced by later ones, so that an object is found once. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.wire.job_states import JobState
from contracts.wire.messages import Options


@dataclass(frozen=True, slots=True)
class IndexedRun:
    """An indexed job: its number in the index, and what it looked at. created_at: of the job. tracks: how many. labels:
    digest of those that its model knew, None where an earlier release indexed it."""

    id: int
    job_id: str
    video_id: str
    model: str
    options: Options
    state: str
    created_at: datetime
    video_name: str | None
    source: str | None
    tracks: int
    labels: str | None


def replaced(runs: Sequence[IndexedRun]) -> set[int]:
    """The numbers of those that a later one of the same video and model replaces: one that is complete, has
    tracks where the earlier one has some, and looked at all that the earlier one looked at, as closely, for the same
    labels: a model's file may have been replaced."""
    of_video = defaultdict(list)
    for run in runs:
        of_video[run.video_id].append(run)
    return {run.id for run in runs if any(_replaces(other, run) for other in of_video[run.video_id])}


def _replaces(later: IndexedRun, earlier: IndexedRun) -> bool:
    return (
        (later.model, later.state) == (earlier.model, JobState.SUCCEEDED)
        and (later.created_at, later.id) > (earlier.created_at, earlier.id)
        and (later.tracks > 0 or earlier.tracks == 0)
        and (later.labels == earlier.labels or later.labels is None or earlier.labels is None)
        and _covers(later.options, earlier.options)
        and later.options.min_score <= earlier.options.min_score
        and _as_often(later.options, earlier.options)
    )


def _covers(later: Options, earlier: Options) -> bool:
    """Whether one looked at the times, the part of the frame and the labels that the other looked at."""
    return (
        (later.start_ms or 0) <= (earlier.start_ms or 0)
        and (later.end_ms is None or (earlier.end_ms is not None and later.end_ms >= earlier.end_ms))
        and (later.labels is None or (earlier.labels is not None and set(later.labels) >= set(earlier.labels)))
        and (later.region is None or (earlier.region is not None and _contains(later.region, earlier.region)))
    )


def _as_often(later: Options, earlier: Options) -> bool:
    """Whether one looked at no fewer frames of the same time. One that fills in boxes counts as looking at all of them;
    of every_n and sample_fps neither says whether it is more than the other."""
    if later.sample_fps is not None:
        return earlier.sample_fps is not None and earlier.sample_fps <= later.sample_fps
    step = later.every_n or 1
    return step == 1 or (earlier.every_n or 1) >= step


def _contains(outer: Sequence[float], inner: Sequence[float]) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and outer[2] >= inner[2] and outer[3] >= inner[3]
