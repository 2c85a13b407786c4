"""Logs unexpected errors with their tracebacks, at most one a second from each place in the code: whoever finds a
request that fails could fill the log with it."""

import logging
import time
from collections.abc import Callable
from typing import TypeAlias

_PERIOD_SECONDS = 1.0
_Place: TypeAlias = tuple[type[BaseException], str, int]


class ErrorLog:
    """Counts the errors that it does not log, and says how many they were with the next one from their place."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._clock = log, clock
        self._logged: dict[_Place, float] = {}
        self._omitted: dict[_Place, int] = {}

    def note(self, message: str, error: BaseException) -> None:
        """Log an error, or count it where one from the same place was logged within the last second."""
        place, now = _place(error), self._clock()
        if now - self._logged.get(place, -_PERIOD_SECONDS) < _PERIOD_SECONDS:
            self._omitted[place] = self._omitted.get(place, 0) + 1
            return
        self._logged[place] = now
        omitted = self._omitted.pop(place, 0)
        self._log.error("%s%s", message, f" (and {omitted} more like it before)" if omitted else "", exc_info=error)


def _place(error: BaseException) -> _Place:
    """Kind of the error, file and line where it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error), "", 0
    return type(error), trace.tb_frame.f_code.co_filename, trace.tb_lineno
