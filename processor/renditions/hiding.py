"""What is to be hidden in each frame of a job: its detections of some labels, and their tracks in between. Pure.

What is not known is hidden: a track of which one detection has a chosen label is hidden as a whole; between two
detections of a track the box moves in a straight line; before the first and after the last one it stays for a moment;
and a frame without a result is hidden whole.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.ma  # np.unique imports this lazily; import it now, because the sandbox forbids opening files later
from numpy.typing import NDArray

from contracts.errors import VideoRefused
from contracts.results.codec import BOX_SCALE
from contracts.results.result_file import ResultFile
from contracts.results.tracks_file import TracksFile

Integers = NDArray[np.int64]
Boxes = NDArray[np.float64]

_HOLD_SECONDS = 0.5
# Around a box, in parts of its width and height: a detected one; one in between, and how much more with each second
# from where it was seen, since nothing moves quite straight. At least, in pixels.
_MARGIN, _WIDE_MARGIN, _GROWTH, _LEAST_MARGIN = 0.1, 0.25, 0.5, 4.0


@dataclass(frozen=True, eq=False)
class Sights:
    """Detections to hide. time [d]; track [d], 0 for none; box [d, 4] in 1/100 px; sure [d]: whether it was detected,
    and not filled in."""

    time: Integers
    track: Integers
    box: Integers
    sure: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pieces:
    """Ways of boxes: from a box [n, 4] at a time [n] in a straight line to another one. seen [n, 2]: at which ends the
    object was seen. sure: whether these were detections."""

    first: Integers
    last: Integers
    start: Integers
    end: Integers
    seen: NDArray[np.bool_]
    sure: NDArray[np.bool_]


def pieces(sights: Sights, hold: int) -> Pieces:
    """The pieces of the ways of all detections, in the order of their first times. hold: how long a box stays before
    the first detection and after the last one of its track; one without a track stays on both sides."""
    order = np.lexsort((sights.time, sights.track))
    time, track, box, sure = sights.time[order], sights.track[order], sights.box[order], sights.sure[order]
    follows = (track[1:] == track[:-1]) & (track[1:] != 0)
    begins, ends = np.append(True, ~follows)[: len(time)], np.append(~follows, True)[: len(time)]
    before, after = np.flatnonzero(follows), np.flatnonzero(follows) + 1
    first = np.concatenate([time[before], time[begins] - hold, time[ends]])
    last = np.concatenate([time[after], time[begins], time[ends] + hold])
    start = np.concatenate([box[before], box[begins], box[ends]])
    end = np.concatenate([box[after], box[begins], box[ends]])
    both = np.concatenate([sure[before] & sure[after], sure[begins], sure[ends]])
    kinds = [len(before), int(begins.sum()), int(ends.sum())]
    seen = np.repeat([[True, True], [False, True], [True, False]], kinds, axis=0)
    rising = np.argsort(first, kind="stable")
    return Pieces(first[rising], last[rising], start[rising], end[rising], seen[rising], both[rising])


def boxes_at(ways: Pieces, places: Integers, time: int, second: float) -> Boxes:
    """The boxes [n, 4] of the pieces at some places, which are on their ways at a time, with their margins, in pixels.
    second: in units of time."""
    first, last = ways.first[places], ways.last[places]
    share = (time - first) / np.maximum(last - first, 1)
    box = ways.start[places] + (ways.end[places] - ways.start[places]) * share[:, None]
    ends = np.stack([time - first, last - time], axis=1)
    away = (
        np.min(ends, axis=1, where=ways.seen[places], initial=np.iinfo(np.int64).max) / second
    )  # from where it was seen
    part = np.where(ways.sure[places] & (away == 0), _MARGIN, _WIDE_MARGIN + _GROWTH * away)
    margin = np.maximum((box[:, 2:] - box[:, :2]) / BOX_SCALE * part[:, None], _LEAST_MARGIN)
    return np.concatenate([box[:, :2] / BOX_SCALE - margin, box[:, 2:] / BOX_SCALE + margin], axis=1)


class Hiding:
    """What to hide in the frames of a job, asked for with rising numbers. labels: None for all.

    Raises VideoRefused for a label that the job did not look for, CorruptData."""

    def __init__(self, result: ResultFile, tracks: TracksFile, labels: Collection[str] | None) -> None:
        header = result.header
        classes = classes_of(header.labels, header.plan.options.labels, labels)
        numbers, times, sights = _read(result, tracks, classes)
        numerator, denominator = header.time_base
        self._second = denominator / numerator
        self._frames, self._times = numbers, times
        self._ways = pieces(sights, round(_HOLD_SECONDS * self._second))
        self._following = 0
        self._active: Integers = np.zeros(0, np.int64)

    def at(self, number: int) -> Boxes | None:
        """The boxes [n, 4] to hide in a frame, in pixels of the displayed frame; None for all of it."""
        place = int(np.searchsorted(self._frames, number))
        if place == len(self._frames) or self._frames[place] != number:
            return None
        time, ways = int(self._times[place]), self._ways
        stop = int(np.searchsorted(ways.first, time, side="right"))
        found = np.append(self._active, np.arange(self._following, stop))
        self._active, self._following = found[ways.last[found] >= time], max(stop, self._following)
        return boxes_at(ways, self._active, time, self._second)


def classes_of(
    known: Collection[str], looked_for: Collection[str] | None, labels: Collection[str] | None
) -> NDArray[np.int64]:
    """The numbers of the labels to hide. known: of the model, in order. looked_for: by the job, None for all. Raises
    VideoRefused for one that the job did not look for: nothing would be hidden."""
    missing = sorted(set(labels or ()) - (set(known) if looked_for is None else set(known) & set(looked_for)))
    if missing:
        raise VideoRefused(f"the job did not look for {', '.join(missing)}, so that it cannot be hidden")
    return np.array([n for n, label in enumerate(known) if labels is None or label in labels], np.int64)


def _read(result: ResultFile, tracks: TracksFile, classes: Integers) -> tuple[Integers, Integers, Sights]:
    """Numbers and times of all frames with a result, and the detections to hide."""
    chosen = np.zeros(0, np.int32)
    for position in range(len(result.starts)):
        block = result.block(position, masks=False)
        found = _ids(tracks, position, len(block.score))[np.isin(block.class_id, classes)]
        chosen = np.union1d(chosen, found[found > 0])
    numbers, times, parts = [], [], []
    for position in range(len(result.starts)):
        block = result.block(position, masks=False)
        ids = _ids(tracks, position, len(block.score))
        hidden = np.isin(block.class_id, classes) | np.isin(ids, chosen)
        numbers.append(block.frame)
        times.append(block.time)
        of_frame = np.repeat(np.arange(len(block)), block.count)[hidden]
        sure = ~block.is_filled[of_frame]
        parts.append(
            Sights(block.time[of_frame], ids[hidden].astype(np.int64), block.box[hidden].astype(np.int64), sure)
        )
    none = np.zeros(0, np.int64)
    return (
        np.concatenate([none, *numbers]),
        np.concatenate([none, *times]),
        Sights(
            np.concatenate([none, *(part.time for part in parts)]),
            np.concatenate([none, *(part.track for part in parts)]),
            np.concatenate([none.reshape(0, 4), *(part.box for part in parts)]),
            np.concatenate([none.astype(bool), *(part.sure for part in parts)]),
        ),
    )


def _ids(tracks: TracksFile, position: int, detections: int) -> NDArray[np.int32]:
    ids = tracks.ids(position)
    if len(ids) != detections:
        raise VideoRefused("the tracks belong to another result of the job: track it again")
    return ids
