"""Masks as run-length text, against a naive encoder; COCO's own tools read them in tests/long/test_torch_engines.py."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector import masks_rle

Bits = NDArray[np.bool_]

sides = st.integers(1, 12)


@st.composite
def masks(draw: st.DrawFn) -> Bits:
    height, width = draw(sides), draw(sides)
    return np.array(draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))).reshape(
        height, width
    )


def naive(bits: Bits) -> bytes:
    """The format in plain Python."""
    runs, now, length = [], False, 0
    for x in range(bits.shape[1]):
        for y in range(bits.shape[0]):
            if bits[y, x] != now:
                runs.append(length)
                now, length = not now, 0
            length += 1
    runs.append(length)
    text = ""
    for place, run in enumerate(runs):
        number = run - runs[place - 2] if place > 2 else run
        digits: list[int] = []
        while not digits or (not (number == 0 and digits[-1] < 16) and not (number == -1 and digits[-1] >= 16)):
            digits.append(number % 32)
            number //= 32
        text += "".join(chr(48 + digit + 32 * (i < len(digits) - 1)) for i, digit in enumerate(digits))
    return text.encode()


@given(masks())
def test_encoding_equals_a_naive_one_and_is_decoded_unchanged(bits: Bits) -> None:
    size = bits.shape[::-1]
    assert masks_rle.encode(bits, size) == naive(bits)
    assert np.array_equal(masks_rle.decode(naive(bits), size), bits)


@given(masks(), sides, sides, sides, sides)
def test_mask_of_a_region_is_padded_to_the_frame(bits: Bits, left: int, top: int, right: int, bottom: int) -> None:
    whole = np.pad(bits, ((top, bottom), (left, right)))
    size = whole.shape[::-1]
    assert masks_rle.encode(bits, size, left, top) == naive(whole)
    assert masks_rle.placed(naive(bits), bits.shape[::-1], left, top, size) == naive(whole)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_long_runs_take_more_digits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bits = np.zeros((90, 120), bool)
    for _ in range(5):
        x, y = rng.integers(0, 120), rng.integers(0, 90)
        bits[y : y + rng.integers(1, 90), x : x + rng.integers(1, 120)] = True
    assert masks_rle.encode(bits, (120, 90)) == naive(bits)
    assert np.array_equal(masks_rle.decode(masks_rle.encode(bits, (120, 90)), (120, 90)), bits)


@pytest.mark.parametrize("bits", [np.zeros((3, 2), bool), np.ones((3, 2), bool)], ids=["nothing", "everything"])
def test_empty_and_full_masks(bits: Bits) -> None:
    assert masks_rle.encode(bits, (2, 3)) == naive(bits)


@pytest.mark.parametrize("text", [b"5", b"7", b"\n", b"P", b"60o"])
def test_mask_of_another_size_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="mask"):
        masks_rle.decode(text, (2, 3))
