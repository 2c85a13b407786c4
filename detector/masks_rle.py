"""Masks in COCO's compressed run-length encoding (RLE): `counts` of an object with `size` [height, width].

Runs go down the columns, left to right, and alternate, starting with background. Each is encoded in digits of 5 bits,
lowest first, as ASCII characters from "0" on; from the fourth run on as the difference to the run two before. Equal
masks have equal bytes.
"""

import numpy as np
from numpy.typing import NDArray

_BASE = 48
_MORE = 0x20
_SIGN = 0x10
_DIGIT = 0x1F

Bits = NDArray[np.bool_]


def encode(bits: Bits, size: tuple[int, int], left: int = 0, top: int = 0) -> bytes:
    """Encode a mask of `size` (width, height) that is `bits` (H, W) at left, top and 0 elsewhere."""
    width, height = size
    # Zero padding above and below, so that each run starts and ends within its column.
    changes = np.diff(np.pad(bits, ((1, 1), (0, 0))).astype(np.int8), axis=0)
    column, row = np.nonzero(changes.T)
    edges = (column + left) * height + row + top
    # A run that ends at the bottom and one that starts at the top of the next column are one.
    goes_on = edges[1:-1:2] == edges[2::2]
    kept = np.ones(len(edges), bool)
    kept[1:-1:2] &= ~goes_on
    kept[2::2] &= ~goes_on
    bounds = np.concatenate([[0], edges[kept], [width * height]])
    runs = np.diff(bounds)
    return _text(runs if runs[-1] or len(runs) == 1 else runs[:-1])


def decode(counts: bytes, size: tuple[int, int]) -> Bits:
    """Decode a mask (H, W) of `size` (width, height). Raises ValueError for counts of another size."""
    width, height = size
    runs = _runs(counts)
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    if len(flat) != width * height:
        raise ValueError(f"a mask of {len(flat)} pixels is not one of {width} x {height}")
    mask: Bits = flat.reshape(width, height).T
    return mask


def placed(counts: bytes, size: tuple[int, int], left: int, top: int, whole: tuple[int, int]) -> bytes:
    """The mask of a crop of `size` at left, top as a mask of the whole frame; sizes are (width, height)."""
    return counts if size == whole else encode(decode(counts, size), whole, left, top)


def _text(runs: NDArray[np.int64]) -> bytes:
    """Runs as text."""
    numbers = runs.astype(np.int64)
    numbers[3:] -= runs[1:-2]
    text = bytearray()
    for number in numbers.tolist():
        while True:
            digit, number = number & _DIGIT, number >> 5
            # Done when the rest is only the sign, which the last digit carries.
            if number == (-1 if digit & _SIGN else 0):
                text.append(_BASE + digit)
                break
            text.append(_BASE + (digit | _MORE))
    return bytes(text)


def _runs(text: bytes) -> list[int]:
    """Decode runs. Raises ValueError for malformed counts."""
    runs: list[int] = []
    number = shift = 0
    for character in text:
        digit = character - _BASE
        if not 0 <= digit < 2 * _MORE:
            raise ValueError(f"byte {character} is not part of a mask")
        number |= (digit & _DIGIT) << shift
        shift += 5
        if digit & _MORE:
            continue
        if digit & _SIGN:
            number -= 1 << shift
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number = shift = 0
    if shift or min(runs, default=0) < 0:
        raise ValueError("a mask is cut short or has a run of less than nothing")
    return runs
