"""Areas of masks, computed from their RLE text (see detector.masks_rle). Pure."""

import numpy as np
from numpy.typing import NDArray

from contracts.results.codec import Masks

_BASE = 48
_MORE = 0x20
_SIGN = 0x10
_DIGIT = 0x1F
_DIGIT_BITS = 5


def areas(masks: Masks) -> NDArray[np.int64]:
    """Pixels of each mask, [n]. Vectorised over all masks, because a Python loop over characters is far slower.

    Runs alternate between background and object. From the fourth on, a run is stored as the difference to the run two
    before.
    """
    sizes = np.array([len(mask) for mask in masks], np.int64)
    digits = np.frombuffer(b"".join(masks), np.uint8).astype(np.int64) - _BASE
    if not len(digits):
        return np.zeros(len(masks), np.int64)
    ends = np.flatnonzero(~(digits & _MORE).astype(bool))  # the last digit of each number
    starts = np.concatenate([[0], ends[:-1] + 1])
    shift = _DIGIT_BITS * (np.arange(len(digits)) - np.repeat(starts, np.diff(starts, append=len(digits))))
    numbers = np.add.reduceat((digits & _DIGIT) << shift, starts)
    numbers -= np.where(digits[ends] & _SIGN, np.int64(1) << (shift[ends] + _DIGIT_BITS), 0)
    owner = np.searchsorted(np.cumsum(sizes), ends, side="right")  # the mask of each number
    place = np.arange(len(ends)) - np.searchsorted(owner, owner)  # its index in that mask
    # Object runs are 1, 3, 5...; each is the sum of the differences up to it.
    objects = place % 2 == 1
    numbers, owner, place = numbers[objects], owner[objects], place[objects]
    last = np.bincount(owner, minlength=len(masks))[owner] * 2 - 1
    times = (last - place) // 2 + 1  # how many runs include a difference
    return np.bincount(owner, weights=numbers * times, minlength=len(masks)).astype(np.int64)
