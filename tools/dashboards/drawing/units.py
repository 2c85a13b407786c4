"""Values as text, in the units that the dashboards have (Grafana's ids)."""

import math
from typing import NamedTuple


class Scale(NamedTuple):
    """value / divisor has the unit `suffix`."""

    divisor: float
    suffix: str

    def text(self, value: float) -> str:
        """Three digits, and the unit."""
        shown = value / self.divisor
        return f"{shown:.0f}{self.suffix}" if abs(shown) >= 100 else f"{shown:.3g}{self.suffix}"


_SHORT = (Scale(1, ""), Scale(1e3, " K"), Scale(1e6, " M"), Scale(1e9, " G"))
_SCALES: dict[str, tuple[Scale, ...]] = {
    "short": _SHORT,
    "percentunit": (Scale(0.01, " %"),),
    "s": (
        Scale(1e-6, " µs"), Scale(1e-3, " ms"), Scale(1, " s"), Scale(60, " min"), Scale(3600, " h"),
        Scale(86400, " days"),
    ),
    "bytes": tuple(Scale(1024.0**power, f" {name}") for power, name in enumerate(("B", "KiB", "MiB", "GiB", "TiB"))),
    "Bps": tuple(Scale(1000.0**power, f" {name}/s") for power, name in enumerate(("B", "kB", "MB", "GB"))),
    **{
        unit: tuple(Scale(scale.divisor, f"{scale.suffix} {name}") for scale in _SHORT)
        for unit, name in (("cps", "c/s"), ("ops", "ops/s"), ("reqps", "req/s"))
    },
}  # fmt: skip


def scale_for(unit: str, value: float) -> Scale:
    """The largest scale in which a value is at least 1."""
    scales = _SCALES[unit]
    if value == 0:
        return next((scale for scale in scales if scale.divisor == 1), scales[0])
    return next((scale for scale in reversed(scales) if abs(value) >= scale.divisor), scales[0])


def text_of(unit: str, value: float) -> str:
    """A value by itself."""
    return scale_for(unit, value).text(value)


def ticks(unit: str, highest: float, most: int = 4) -> list[tuple[float, str]]:
    """Round values from 0 to the first one at or above the highest, with their texts, all in one scale."""
    highest = highest if highest > 0 else 1.0
    scale = scale_for(unit, highest)
    step = _round_up(highest / scale.divisor / most) * scale.divisor
    count = max(math.ceil(highest / step - 1e-9), 1)
    return [(number * step, scale.text(number * step)) for number in range(count + 1)]


def _round_up(step: float) -> float:
    """The next of 1, 2, 5 by a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))
