"""Sampling: selection of the frames of a job. Pure."""

from collections.abc import Sequence
from fractions import Fraction

from contracts.results.codec import time_ms
from contracts.wire.messages import Options


def wanted(times: Sequence[int], time_base: tuple[int, int], options: Options) -> Sequence[int]:
    """Ascending numbers of the selected frames. times: of all frames of the video.

    every_n and sample_fps count from the first frame of the video, whatever the time range, so that jobs on parts of a
    video select the same frames. sample_fps selects the first frame at or after each tick of the sampling clock.
    """
    numbers: Sequence[int] = range(0, len(times), options.every_n or 1)
    if options.sample_fps is not None:
        numbers = _first_of_each_tick(times, Fraction(*time_base) * Fraction(str(options.sample_fps)))
    if options.start_ms is None and options.end_ms is None:
        return numbers
    start = options.start_ms if options.start_ms is not None else float("-inf")
    end = options.end_ms if options.end_ms is not None else float("inf")
    return [number for number in numbers if start <= time_ms(times[number], time_base) < end]


def _first_of_each_tick(times: Sequence[int], ticks_per_unit: Fraction) -> list[int]:
    numbers, last = [], -1
    for number, time in enumerate(times):
        tick = (time - times[0]) * ticks_per_unit.numerator // ticks_per_unit.denominator
        if tick > last:
            numbers.append(number)
            last = tick
    return numbers
