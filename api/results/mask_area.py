"""How large masks are, from their text alone: see detector.masks_rle for the form. Pure."""

import numpy as np
from numpy.typing import NDArray

from contracts.results.codec import Masks

_BASE = 48
_MORE = 0x20
_SIGN = 0x10
_DIGIT = 0x1F
_DIGIT_BITS = 5


def areas(masks: Masks) -> NDArray[np.int64]:
    """Pixels of each mask, [n]. All masks at once: a character at a time in Python would take far longer.

    A mask's runs alternate, and every second one is of the object. From the fourth on a run is written as the
    difference to the one two before.
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
    place = np.arange(len(ends)) - np.searchsorted(owner, owner)  # its place in that mask
    # Of the object are the runs 1, 3, 5...: each is the sum of the differences up to it.
    objects = place % 2 == 1
    numbers, owner, place = numbers[objects], owner[objects], place[objects]
    last = np.bincount(owner, minlength=len(masks))[owner] * 2 - 1
    times = (last - place) // 2 + 1  # in how many runs a difference is
    return np.bincount(owner, weights=numbers * times, minlength=len(masks)).astype(np.int64)
