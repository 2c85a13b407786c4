"""Waiting for what comes in its own time."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], seconds: float = 120, progress: Callable[[], object] = lambda: None) -> None:
    """Return when it is true; the seconds are only there so that a test ends.

    progress: what changes while the awaited thing is under way. Each change starts the seconds anew, so that a slow
    machine is no failure and something stuck is one.
    """
    seen, deadline = progress(), time.monotonic() + seconds
    while not condition():
        if (now := progress()) != seen:
            seen, deadline = now, time.monotonic() + seconds
        assert time.monotonic() < deadline, f"it never came to that: {seen}"
        time.sleep(0.02)
