"""A worker's heartbeat: a file that it touches while it consumes.

`python -m contracts.workers.heartbeat` is the health check: 0 while the file named by HEARTBEAT_FILE is fresh,
else 1 with the reason. It imports the standard library alone, so that it is cheap to run every few seconds, and
asks no server, so that it reports this worker alone.
"""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

INTERVAL_SECONDS = 5
STALE_SECONDS = 6 * INTERVAL_SECONDS


def beat(path: str) -> None:
    """Touch the heartbeat file."""
    Path(path).touch()


def end(path: str) -> None:
    """Remove the heartbeat file: the worker stops, or has lost the broker."""
    with suppress(FileNotFoundError):
        Path(path).unlink()


def problem(path: str, now: float) -> str:
    """Why the worker is unhealthy at the time `now` (seconds since the epoch); empty when it is healthy."""
    if not path:
        return "HEARTBEAT_FILE is not set"
    try:
        age = now - Path(path).stat().st_mtime
    except FileNotFoundError:
        return f"{path} does not exist: the worker does not consume"
    return f"{path} is {age:.0f} s old" if age > STALE_SECONDS else ""


def main() -> int:
    """Entry point."""
    found = problem(os.environ.get("HEARTBEAT_FILE", ""), time.time())
    if found:
        print(found, file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
