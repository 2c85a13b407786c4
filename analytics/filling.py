"""Where objects were between two frames that were inferred. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analytics.association import Indices, Motion, Pairs, link, motion
from analytics.boxes import Boxes, Floats, Integers
from contracts.results.codec import SCORE_SCALE

# So many seconds from a frame that was inferred, an object's score in it counts as much as the mean of those around.
_SCORE_SECONDS = 0.3

# Left, top, right, bottom in 1/100 px.
Bounds = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class _Objects:
    """Objects at the times of a gap: class_id [n], score [t, n], box [t, n, 4], and whether they are there [t, n]."""

    class_id: Integers
    score: Floats
    box: Floats
    there: NDArray[np.bool_]


def fill(
    frames: Sequence[Boxes], times: Sequence[int], between: Sequence[Sequence[int]], min_score: float, bounds: Bounds
) -> list[list[Boxes]]:
    """The boxes of the frames between each two neighbours of some inferred frames, all of one shot.

    times: of the inferred frames, in microseconds, rising. between: times of the frames of each gap. min_score: 0 to 1,
    of filled boxes. bounds: what boxes are clipped to; empty ones are left out.

    An object that both ends know moves on a cubic curve, with the slopes that the neighbouring gaps suggest; its score
    is nearest to that of the nearer end. One that only one end knows stays for half of the gap at most, at its own
    pace, while its score falls as if it were 0 at the other end.
    """
    seconds = [(after - before) / 1e6 for before, after in pairwise(times)]
    pairs = link(frames, times)
    known = motion(frames, seconds, pairs)
    scores = _scores_around(frames, pairs)
    filled = []
    for number, inside in enumerate(between):
        gap = _Gap(frames[number], frames[number + 1], times[number], times[number + 1], pairs[number])
        further = (scores[number][0], scores[number + 1][1])
        objects = gap.objects(np.asarray(inside, np.int64), known[number], known[number + 1], further)
        filled.append(_frames(objects, min_score * SCORE_SCALE, bounds))
    return filled


def _scores_around(frames: Sequence[Boxes], pairs: Sequence[Pairs]) -> list[tuple[Floats, Floats]]:
    """The scores [n] of each frame's objects in the frame before and in the one after, NaN where unknown."""
    found = [(np.full(len(frame), np.nan), np.full(len(frame), np.nan)) for frame in frames]
    for number, linked in enumerate(pairs):
        found[number][1][linked.before] = frames[number + 1].score[linked.after]
        found[number + 1][0][linked.after] = frames[number].score[linked.before]
    return found


@dataclass(frozen=True, slots=True)
class _Gap:
    """Two neighbouring inferred frames, their times, and which boxes are the same object."""

    before: Boxes
    after: Boxes
    start: int
    stop: int
    pairs: Pairs

    def objects(self, times: Integers, before: Motion, after: Motion, further: tuple[Floats, Floats]) -> list[_Objects]:
        """The objects at these times. before, after: motion of the boxes of both ends. further: the scores of the
        objects of both ends in the frames on the other side of these, NaN where unknown."""
        since, until = times - self.start, self.stop - times
        length = (self.stop - self.start) / 1e6
        return [
            self._paired(times, before, after, further),
            _alone(self.before, self.pairs.before, before.arriving, since / 1e6, length),
            _alone(self.after, self.pairs.after, after.leaving, -until / 1e6, length),
        ]

    def _paired(self, times: Integers, before: Motion, after: Motion, further: tuple[Floats, Floats]) -> _Objects:
        rows, columns = self.pairs.before, self.pairs.after
        start, stop = self.before.box[rows], self.after.box[columns]
        length = (self.stop - self.start) / 1e6
        slope = (stop - start) / length
        leaving, arriving = _mean(slope, before.arriving[rows]), _mean(slope, after.leaving[columns])
        # Hermite's basis, as the parts that belong to the ends and to their slopes.
        done = ((times - self.start) / (self.stop - self.start))[:, None, None]
        left = 1 - done
        box = (1 + 2 * done) * left * left * start + (1 + 2 * left) * done * done * stop
        box += length * (done * left * left * leaving - left * done * done * arriving)
        ends = (self.before.score[rows].astype(float), self.after.score[columns].astype(float))
        since, until = (way[:, None] / 1e6 for way in (times - self.start, self.stop - times))
        score = _score(ends, (further[0][rows], further[1][columns]), since, until)
        return _Objects(self.before.class_id[rows], score, box, np.ones(score.shape, bool))


def _score(ends: tuple[Floats, Floats], further: tuple[Floats, Floats], since: Floats, until: Floats) -> Floats:
    """The likeliest scores [t, n] of objects between two frames: those that a model gives swing around a mean, and are
    alike in frames that are near.

    ends: their scores [n] in these frames. further: those beyond, NaN where unknown. since, until: seconds [t, 1] from
    the one frame and to the other.
    """
    count = 2 + sum(np.isfinite(score).astype(float) for score in further)
    earlier, later = (np.nan_to_num(score) for score in further)
    mean = ((ends[0] + ends[1]) + (earlier + later)) / count  # in this order, equal in reversed time
    first, second = _SCORE_SECONDS / since, _SCORE_SECONDS / until
    score: Floats = ((first * ends[0] + second * ends[1]) + mean) / (first + second + 1)
    return score


def _alone(frame: Boxes, paired: Indices, rate: Floats, seconds: Floats, length: float) -> _Objects:
    """The confident boxes of a frame without a partner. rate: how fast each box changes, NaN where unknown. seconds:
    since the frame, below 0 before it. length: of the gap, in seconds."""
    rows = np.setdiff1d(np.arange(frame.confident), paired)
    pace = np.nan_to_num((rate[rows, :2] + rate[rows, 2:]) / 2)  # they keep their size
    box = frame.box[rows] + seconds[:, None, None] * np.concatenate([pace, pace], axis=1)
    away = np.abs(seconds)[:, None]
    there = np.repeat(2 * away < length, len(rows), axis=1)
    return _Objects(frame.class_id[rows], frame.score[rows] * (1 - away / length), box, there)


def _mean(slope: Floats, neighbour: Floats) -> Floats:
    return np.where(np.isnan(neighbour), slope, (slope + neighbour) / 2)


def _frames(objects: Sequence[_Objects], least: float, bounds: Bounds) -> list[Boxes]:
    """The boxes at each time, best score first. least: of their scores, in 1/10000."""
    class_id = np.concatenate([part.class_id for part in objects])
    score = np.rint(np.concatenate([part.score for part in objects], axis=1)).astype(np.int64)
    box = np.rint(np.concatenate([part.box for part in objects], axis=1)).astype(np.int64)
    box = np.clip(box, bounds[:2] * 2, bounds[2:] * 2)
    there = np.concatenate([part.there for part in objects], axis=1) & (score >= least)
    there &= (box[..., 0] < box[..., 2]) & (box[..., 1] < box[..., 3])
    order = np.argsort(-score, kind="stable", axis=1)
    chosen = [row[alive[row]] for row, alive in zip(order, there, strict=True)]
    return [
        Boxes(class_id[one], at[one], where[one], len(one)) for one, at, where in zip(chosen, score, box, strict=True)
    ]
