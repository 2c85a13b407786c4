"""The guard process: ends the supervisor's processes when the supervisor is killed.

`Guard` starts this file as a separate program that needs only the standard library, to keep it small.
It reads the running process groups from a pipe held open by the supervisor; end of file means that the
supervisor has ended, for whatever reason.

    python guard.py TEMPORARY_FOLDER     (lines on stdin: "add GROUP SECONDS", "remove GROUP")

It also holds the lock of DATA_DIR, so that no other instance starts before all processes have ended.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


class Guard:
    """The supervisor's handle of the guard process."""

    def __init__(self, folder: Path, lock: int) -> None:
        """folder: removed at the end in any case. lock: file descriptor to hold until then."""
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            pass_fds=[lock],
        )

    def add(self, group: int, seconds: float) -> None:
        """Add a running process group. seconds: time to end after SIGTERM. Raises OSError when the guard has ended."""
        self._say(f"add {group} {seconds}")

    def remove(self, group: int) -> None:
        """Remove a process group that has ended."""
        with suppress(OSError):
            self._say(f"remove {group}")

    def close(self) -> None:
        """Let the guard clean up and end, and wait for it."""
        if self._popen.stdin:
            with suppress(OSError):
                self._popen.stdin.close()
        self._popen.wait()

    def _say(self, line: str) -> None:
        if self._popen.stdin:
            self._popen.stdin.write(line.encode() + b"\n")
            self._popen.stdin.flush()


def main(folder: str, lines: Iterable[str]) -> None:
    """Read commands until the supervisor has ended, then end the remaining process groups."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, float] = {}
    for line in lines:
        word, group, *seconds = line.split()
        if word == "add":
            groups[int(group)] = float(seconds[0])
        else:
            groups.pop(int(group), None)
    _end(groups)
    shutil.rmtree(folder, ignore_errors=True)


def _end(groups: dict[int, float]) -> None:
    for group, seconds in groups.items():
        _signal(group, signal.SIGTERM if seconds else signal.SIGKILL)
    start = time.monotonic()
    for group, seconds in groups.items():
        while time.monotonic() - start < seconds and _signal(group, 0):
            time.sleep(0.05)
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin)
