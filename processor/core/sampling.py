"""Which of a video's frames a job looks at. Pure."""

from collections.abc import Sequence
from fractions import Fraction

from contracts.results.codec import time_ms
from contracts.wire.messages import Options


def wanted(times: Sequence[int], time_base: tuple[int, int], options: Options) -> Sequence[int]:
    """The numbers of the wanted frames among all frames' times, rising.

    every_n and sample_fps count from the first frame of the video, whatever part is asked for, so
    that parts of one video fit together. A frame is sampled when it is the first at or after a
    tick of the sampling clock.
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
