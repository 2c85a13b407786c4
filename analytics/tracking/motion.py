"""Where tracks are expected: a Kalman filter with constant velocity for all of them at once.

Only additions, multiplications, divisions and square roots of single numbers: IEEE 754 defines them to the last bit,
and none depends on the order in which a library adds up.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from analytics.boxes import Floats, Integers

# Of a track's size: how far a box is from its object (variance), and how much position and velocity change in a second.
_BOX_NOISE = 0.0016
_DRIFT = 0.01
_ACCELERATION = 0.6
# Velocity of what was seen once, in sizes per second (variance).
_UNKNOWN_PACE = 2.5
# For so many seconds a lost track goes on growing or shrinking.
_GROWING_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class Moving:
    """The tracks that may go on, in the order of their numbers: number [k], time [k] in microseconds when each was last
    seen, frames [k] in which it was. place [k, 4]: centre, width and height in 1/100 px; pace [k, 4]: per second.
    spread [k, 3]: variance of place, covariance, variance of pace, in squares of its size. class_id [k] and support
    [k]: the label that most of its detections had, by a running vote weighted by score."""

    number: Integers
    time: Integers
    frames: Integers
    place: Floats
    pace: Floats
    spread: Floats
    class_id: Integers
    support: Integers

    def __len__(self) -> int:
        return len(self.number)

    def keep(self, wanted: NDArray[np.bool_]) -> "Moving":
        """The wanted ones [k]."""
        return Moving(*(getattr(self, field.name)[wanted] for field in fields(self)))

    def join(self, other: "Moving") -> "Moving":
        """These and others."""
        return Moving(
            *(np.concatenate([getattr(self, field.name), getattr(other, field.name)]) for field in fields(self))
        )


def begun(number: Integers, time: int, place: Floats, class_id: Integers, score: Integers) -> Moving:
    """Tracks that were seen once."""
    count = len(number)
    spread = np.tile(np.array([_BOX_NOISE, 0.0, _UNKNOWN_PACE]), (count, 1))
    ones = np.ones(count, np.int64)
    return Moving(number, ones * time, ones, place, np.zeros((count, 4)), spread, class_id, score)


NONE = begun(np.zeros(0, np.int64), 0, np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, np.int64))


def expected(moving: Moving, time: int) -> Moving:
    """The tracks at a time, not before they were last seen."""
    seconds = np.maximum(time - moving.time, 0) / 1e6
    ahead = np.stack([seconds, seconds, *[np.minimum(seconds, _GROWING_SECONDS)] * 2], axis=1)
    place = moving.place + moving.pace * ahead
    place[:, 2:] = np.maximum(np.maximum(place[:, 2:], moving.place[:, 2:] / 2), 1.0)
    at, mixed, pace = moving.spread.T
    squared = seconds * seconds
    spread = np.stack(
        [
            at + 2 * seconds * mixed + squared * pace + _DRIFT * seconds + _ACCELERATION * squared * seconds / 3,
            mixed + seconds * pace + _ACCELERATION * squared / 2,
            pace + _ACCELERATION * seconds,
        ],
        axis=1,
    )
    return replace(moving, place=place, spread=spread)


def seen(
    moving: Moving, then: Moving, rows: NDArray[np.intp], time: int, place: Floats, class_id: Integers, score: Integers
) -> None:
    """Set the tracks of some rows to what was seen of them. then: as they were expected; the others of its rows are not
    used."""
    at, mixed, pace = then.spread[rows].T
    gain = at / (at + _BOX_NOISE)
    gain_of_pace = mixed / (at + _BOX_NOISE)
    error = place - then.place[rows]
    moving.place[rows] = then.place[rows] + gain[:, None] * error
    moving.pace[rows] = moving.pace[rows] + gain_of_pace[:, None] * error
    moving.spread[rows] = np.stack([at - gain * at, mixed - gain * mixed, pace - gain_of_pace * mixed], axis=1)
    moving.time[rows] = time
    moving.frames[rows] += 1
    support = moving.support[rows] + np.where(class_id == moving.class_id[rows], score, -score)
    moving.class_id[rows] = np.where(support < 0, class_id, moving.class_id[rows])
    moving.support[rows] = np.abs(support)
