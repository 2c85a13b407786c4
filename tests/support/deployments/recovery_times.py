"""Recovery times of disturbed jobs, from the restart of the broken part: printed at the end of a run, but not asserted,
since they depend on the machine."""

import os
import time
from datetime import datetime
from typing import Any

_started: dict[str, float] = {}
_seconds: list[tuple[float, str]] = []


def started() -> None:
    """Record the restart of a process that a test had stopped."""
    _started[_test()] = time.time()


def note(job: dict[str, Any]) -> None:
    """Record the end of a disturbed job, if something was restarted for it."""
    since = _started.get(_test())
    # Not later than now, since the clock may be manipulated by a test.
    ended = min(datetime.fromisoformat(job["finished_at"]).timestamp(), time.time())
    if since and ended > since:
        _seconds.append((ended - since, _test()))


def lines() -> list[str]:
    """The recorded times, longest first."""
    return [f"{seconds:7.1f} s  {test}" for seconds, test in sorted(_seconds, reverse=True)]


def _test() -> str:
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
