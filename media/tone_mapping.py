"""High dynamic range (HLG and PQ of ITU-R BT.2100) as a standard display shows it.

A signal becomes light by the functions of BT.2100, highlights are rolled off by the curve of BT.2390 (EETF), colours
become those of BT.709, and light becomes a signal by BT.1886. White is at 203 cd/m2 (BT.2408) and the brightest light
at 1000 cd/m2, whatever a file says of its display: then a frame looks the same from wherever decoding starts. What is
darker than 91 cd/m2 keeps its brightness.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Transfer = Literal["hlg", "pq"]
Primaries = Literal["709", "2020", "p3"]
Values = NDArray[np.float64]
Singles = NDArray[np.float32]

BITS = 12
_BLOCK = 8192  # pixels at a time, whose light stays in the processor's cache
_STEPS = 2**16 - 1  # of light, where it is looked up in a table
_WHITE, _BRIGHTEST, _PQ_TOP = 203.0, 1000.0, 10000.0  # cd/m2
_OOTF_GAMMA, _DISPLAY_GAMMA = 1.2, 2.4
# What of red, green and blue makes up the brightness in BT.2100.
_WEIGHTS = np.array([0.2627, 0.6780, 0.0593], np.float32)
# Where red, green and blue lie in the plane of colours: BT.709, BT.2020, and P3 (SMPTE RP 431-2).
_CORNERS = {
    "709": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_D65 = (0.3127, 0.3290)


def pq_to_light(signal: Values) -> Values:
    """cd/m2 of a PQ signal from 0 to 1."""
    root = signal ** (32 / 2523)
    return np.asarray(_PQ_TOP * (np.maximum(root - 107 / 128, 0) / (2413 - 2392 * root) * 128) ** (16384 / 2610))


def light_to_pq(light: Values) -> Values:
    """The PQ signal, from 0 to 1, of cd/m2."""
    power = (light / _PQ_TOP) ** (2610 / 16384)
    return np.asarray(((107 + 2413 * power) / (128 + 2392 * power)) ** (2523 / 32))


def hlg_to_scene(signal: Values) -> Values:
    """The light of the scene, from 0 to 1, of an HLG signal from 0 to 1."""
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12)


def rolled_off(light: Values) -> Values:
    """The light that is shown for light, both in cd/m2: the same up to a knee, then ever less of it, white at most."""
    top = light_to_pq(np.array(_BRIGHTEST))
    white = light_to_pq(np.array(_WHITE)) / top
    knee = 1.5 * white - 0.5
    signal = light_to_pq(np.minimum(light, _BRIGHTEST)) / top
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    bent = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * white
    return np.where(signal < knee, light, pq_to_light(bent * top))


def to_709(primaries: Primaries) -> Values:
    """The matrix (3, 3) from light in these red, green and blue to light in those of BT.709."""
    return np.asarray(np.linalg.solve(_to_xyz("709"), _to_xyz(primaries)), np.float64)


class ToneMapping:
    """Pixels of high dynamic range, of one kind, as pixels for a standard display."""

    def __init__(self, transfer: Transfer, primaries: Primaries = "2020") -> None:
        self._to_709 = to_709(primaries).astype(np.float32)
        signal, steps = np.arange(2**BITS) / (2**BITS - 1), np.arange(_STEPS + 1) / _STEPS
        # Light is counted in parts of the brightest here.
        light = hlg_to_scene(signal) if transfer == "hlg" else pq_to_light(signal) / _BRIGHTEST
        self._light_of = light.astype(np.float32)
        reach = np.maximum(steps, 1 / _STEPS)
        self._ootf = (reach ** (_OOTF_GAMMA - 1)).astype(np.float32) if transfer == "hlg" else None
        self._gain_of = (rolled_off(_BRIGHTEST * reach) / reach / _WHITE).astype(np.float32)
        self._signal_of = np.round(255 * steps ** (1 / _DISPLAY_GAMMA)).astype(np.uint8)

    def __call__(self, codes: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """uint8 (H, W, 3), red, green and blue, of uint16 (3, H, W) from 0 to 4095, red, green and blue."""
        flat = codes.reshape(3, -1)
        shown = np.empty((flat.shape[1], 3), np.uint8)
        for start in range(0, len(shown), _BLOCK):
            shown[start : start + _BLOCK] = self._mapped(flat[:, start : start + _BLOCK]).T
        return shown.reshape(*codes.shape[1:], 3)

    def _mapped(self, codes: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """uint8 (3, N) of uint16 (3, N)."""
        light = self._light_of.take(codes)
        if self._ootf is not None:
            light *= self._ootf.take(_steps(_WEIGHTS @ light))
        shown = self._to_709 @ light
        shown *= self._gain_of.take(_steps(shown.max(axis=0)))  # one for all three, which keeps the colour
        return self._signal_of.take(_steps(shown))


def _steps(light: Singles) -> NDArray[np.uint16]:
    """Light from 0 to 1 in steps; what is beyond is cut off."""
    return (np.clip(light, 0, 1) * np.float32(_STEPS)).astype(np.uint16)


def _to_xyz(primaries: str) -> Values:
    """The matrix from light in these red, green and blue to CIE XYZ; white, D65, is all of each."""
    corners = np.array([(x / y, 1, (1 - x - y) / y) for x, y in _CORNERS[primaries]]).T
    x, y = _D65
    return np.asarray(corners * np.linalg.solve(corners, [x / y, 1, (1 - x - y) / y]))
