"""Where tracks are expected: a Kalman filter with constant velocity for all of them at once.

Only additions, multiplications, divisions and square roots of single numbers: IEEE 754 defines them to the last bit,
and none depends on the order in which a library adds up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.association import Indices
from analytics.boxes import Floats, Integers

# Of a track's size: how far a box is from its object (variance), and how much position and velocity change in a second.
_BOX_NOISE = 0.0016
_DRIFT = 0.01
_ACCELERATION = 0.6
# Velocity of what was seen once, in sizes per second (variance).
_UNKNOWN_PACE = 2.5
# For so many seconds a lost track goes on growing or shrinking.
_GROWING_SECONDS = 0.5

# Rows of a tracker's values.
_PLACE, _PACE, _SPREAD = slice(0, 4), slice(4, 8), slice(8, 11)


@dataclass(slots=True, eq=False)
class Moving:
    """The tracks that may go on, in the order of their numbers, as a column each: few arrays, since a call of NumPy
    costs more than what it computes of some tens of them.

    counts [5, k]: number, time in microseconds when it was last seen, frames in which it was, class_id and support: the
    label that most of its detections had, by a running vote weighted by score. values [11, k]: place (centre, width and
    height in 1/100 px), pace (of place per second), spread (variance of place, covariance, variance of pace, in squares
    of its size).
    """

    counts: Integers
    values: Floats

    def __len__(self) -> int:
        return len(self.counts[0])

    @property
    def number(self) -> Integers:
        column: Integers = self.counts[0]
        return column

    @property
    def time(self) -> Integers:
        column: Integers = self.counts[1]
        return column

    @property
    def class_id(self) -> Integers:
        column: Integers = self.counts[3]
        return column

    def keep(self, wanted: NDArray[np.bool_]) -> "Moving":
        """The wanted ones [k]."""
        return Moving(self.counts[:, wanted], self.values[:, wanted])

    def join(self, other: "Moving") -> "Moving":
        """These and others."""
        return Moving(
            np.concatenate([self.counts, other.counts], axis=1), np.concatenate([self.values, other.values], axis=1)
        )

    def columns(self) -> list[NDArray[Any]]:
        """As they are stored: number, time, frames, place [k, 4], pace [k, 4], spread [k, 3], class_id, support."""
        number, time, frames, class_id, support = self.counts
        values = (self.values[part].T for part in (_PLACE, _PACE, _SPREAD))
        return [number, time, frames, *values, class_id, support]

    @classmethod
    def of_columns(cls, columns: Sequence[NDArray[Any]]) -> "Moving":
        """Of what `columns` gives."""
        number, time, frames, place, pace, spread, class_id, support = columns
        return cls(np.stack([number, time, frames, class_id, support]), np.concatenate([place.T, pace.T, spread.T]))


def begun(number: Integers, time: int, place: Floats, class_id: Integers, score: Integers) -> Moving:
    """Tracks that were seen once. place [4, k]."""
    counts = np.ones((5, len(number)), np.int64)
    counts[0], counts[1], counts[3], counts[4] = number, time, class_id, score
    values = np.zeros((11, len(number)))
    values[_PLACE], values[8], values[10] = place, _BOX_NOISE, _UNKNOWN_PACE
    return Moving(counts, values)


NONE = begun(np.zeros(0, np.int64), 0, np.zeros((4, 0)), np.zeros(0, np.int64), np.zeros(0, np.int64))


def expected(moving: Moving, time: int) -> Floats:
    """The values of the tracks at a time, which is not before they were last seen: [11, k]."""
    values = moving.values
    seconds = np.maximum(time - moving.time, 0) / 1e6
    ahead = np.empty((4, len(seconds)))
    ahead[:2] = seconds
    np.minimum(seconds, _GROWING_SECONDS, out=ahead[2:])
    then = np.empty_like(values)
    place, size = then[_PLACE], then[2:4]
    np.multiply(values[_PACE], ahead, out=place)
    place += values[_PLACE]
    np.maximum(size, values[2:4] / 2, out=size)
    np.maximum(size, 1.0, out=size)
    then[_PACE] = values[_PACE]
    at, mixed, pace = values[8], values[9], values[10]
    squared = seconds * seconds
    gained = _ACCELERATION * squared
    then[8] = at + 2 * seconds * mixed + squared * pace + _DRIFT * seconds + gained * seconds / 3
    then[9] = mixed + seconds * pace + gained / 2
    then[10] = pace + _ACCELERATION * seconds
    return then


def seen(moving: Moving, rows: Indices, then: Floats, time: int, place: Floats, labels: Integers) -> None:
    """Set the tracks of some rows [n] to what was seen of them. then [11, n]: as they were expected. place [4, n],
    labels [2, n]: class_id and score."""
    at, mixed, pace, spread = then[8], then[9], then[10], then[8:10]
    gains = spread / (at + _BOX_NOISE)
    gain, gain_of_pace = gains[0], gains[1]
    error = place - then[_PLACE]
    then[_PLACE] += gain * error
    then[_PACE] += gain_of_pace * error
    pace -= gain_of_pace * mixed
    spread -= gain * spread
    moving.values[:, rows] = then
    counts = moving.counts[:, rows]
    counts[1] = time
    counts[2] += 1
    class_id, score = labels[0], labels[1]
    support = counts[4] + np.where(class_id == counts[3], score, -score)
    counts[3] = np.where(support < 0, class_id, counts[3])
    np.abs(support, out=counts[4])
    moving.counts[:, rows] = counts
