"""Where objects were between two frames that were inferred. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analytics.association import Indices, Motion, Pairs, link, motion
from analytics.boxes import Boxes, Floats, Integers
from contracts.results.codec import SCORE_SCALE

# Of the larger score of both ends, in hundredths; the rest is of the smaller one.
_LARGER_SHARE = 65

# Left, top, right, bottom in 1/100 px.
Bounds = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class _Objects:
    """Objects at the times of a gap: class_id [n], score [n], box [t, n, 4], and whether they are there [t, n]."""

    class_id: Integers
    score: Integers
    box: Floats
    there: NDArray[np.bool_]


def fill(
    frames: Sequence[Boxes], times: Sequence[int], between: Sequence[Sequence[int]], min_score: float, bounds: Bounds
) -> list[list[Boxes]]:
    """The boxes of the frames between each two neighbours of some inferred frames, all of one shot.

    times: of the inferred frames, in microseconds, rising. between: times of the frames of each gap. min_score: 0 to 1,
    of filled boxes. bounds: what boxes are clipped to; empty ones are left out.

    An object that both ends know moves on a cubic curve, with the slopes that the neighbouring gaps suggest. One that
    only one end knows stays for half of the gap, at its own pace.
    """
    seconds = [(after - before) / 1e6 for before, after in pairwise(times)]
    pairs = link(frames, times)
    known = motion(frames, seconds, pairs)
    filled = []
    for number, inside in enumerate(between):
        gap = _Gap(frames[number], frames[number + 1], times[number], times[number + 1], pairs[number])
        objects = gap.objects(np.asarray(inside, np.int64), known[number], known[number + 1])
        filled.append(_frames(objects, min_score * SCORE_SCALE, bounds))
    return filled


@dataclass(frozen=True, slots=True)
class _Gap:
    """Two neighbouring inferred frames, their times, and which boxes are the same object."""

    before: Boxes
    after: Boxes
    start: int
    stop: int
    pairs: Pairs

    def objects(self, times: Integers, before: Motion, after: Motion) -> list[_Objects]:
        """The objects at these times. before, after: motion of the boxes of both ends."""
        early, late = times - self.start < self.stop - times, times - self.start > self.stop - times
        return [
            self._paired(times, before, after),
            _alone(self.before, self.pairs.before, before.arriving, (times - self.start) / 1e6, early),
            _alone(self.after, self.pairs.after, after.leaving, (times - self.stop) / 1e6, late),
        ]

    def _paired(self, times: Integers, before: Motion, after: Motion) -> _Objects:
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
        scores = np.sort(np.stack([self.before.score[rows], self.after.score[columns]]), axis=0)
        score = (_LARGER_SHARE * scores[1] + (100 - _LARGER_SHARE) * scores[0] + 50) // 100
        return _Objects(self.before.class_id[rows], score, box, np.ones((len(times), len(rows)), bool))


def _alone(frame: Boxes, paired: Indices, rate: Floats, seconds: Floats, there: NDArray[np.bool_]) -> _Objects:
    """The confident boxes of a frame without a partner. rate: how fast each box changes, NaN where unknown. seconds:
    since the frame. there: at which times they are there."""
    rows = np.setdiff1d(np.arange(frame.confident), paired)
    pace = np.nan_to_num((rate[rows, :2] + rate[rows, 2:]) / 2)  # they keep their size
    box = frame.box[rows] + seconds[:, None, None] * np.concatenate([pace, pace], axis=1)
    return _Objects(frame.class_id[rows], frame.score[rows], box, np.repeat(there[:, None], len(rows), axis=1))


def _mean(slope: Floats, neighbour: Floats) -> Floats:
    return np.where(np.isnan(neighbour), slope, (slope + neighbour) / 2)


def _frames(objects: Sequence[_Objects], least: float, bounds: Bounds) -> list[Boxes]:
    """The boxes at each time, best score first. least: of their scores, in 1/10000."""
    class_id = np.concatenate([part.class_id for part in objects])
    score = np.concatenate([part.score for part in objects])
    box = np.rint(np.concatenate([part.box for part in objects], axis=1)).astype(np.int64)
    box = np.clip(box, bounds[:2] * 2, bounds[2:] * 2)
    there = np.concatenate([part.there for part in objects], axis=1) & (score >= least)
    there &= (box[..., 0] < box[..., 2]) & (box[..., 1] < box[..., 3])
    order = np.argsort(-score, kind="stable")
    chosen = [order[alive[order]] for alive in there]
    return [Boxes(class_id[one], score[one], at[one], len(one)) for one, at in zip(chosen, box, strict=True)]
