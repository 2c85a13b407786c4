"""How long jobs take from the moment when what was broken is started again: told at the end of a run, and no test of
its own, since that depends on the machine."""

import os
import time
from datetime import datetime
from typing import Any

_started: dict[str, float] = {}
_seconds: list[tuple[float, str]] = []


def started() -> None:
    """A process that a test had ended is started again."""
    _started[_test()] = time.time()


def note(job: dict[str, Any]) -> None:
    """A job has ended that was disturbed; where nothing had to be started again for it, nothing is noted."""
    since = _started.get(_test())
    # Not later than now: the clock of who ended it may be a test's.
    ended = min(datetime.fromisoformat(job["finished_at"]).timestamp(), time.time())
    if since and ended > since:
        _seconds.append((ended - since, _test()))


def lines() -> list[str]:
    """What was noted, the longest first."""
    return [f"{seconds:7.1f} s  {test}" for seconds, test in sorted(_seconds, reverse=True)]


def _test() -> str:
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")[0]
