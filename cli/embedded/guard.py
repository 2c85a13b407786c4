"""The guard of a supervisor: ends everything that the supervisor leaves behind when it is killed.

Started by `Guard` as a program of its own, with the standard library alone, so that it costs
little. It reads which process groups live from a pipe whose other end the supervisor holds; the
end of that pipe is the end of the supervisor, however it came about.

    python guard.py TEMPORARY_FOLDER     (lines on stdin: "add GROUP SECONDS", "remove GROUP")

It also holds DATA_DIR's lock, so that nobody starts there while something is still ending.
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
    """The supervisor's side."""

    def __init__(self, folder: Path, lock: int) -> None:
        """folder: removed at the end, whatever happens. lock: a descriptor to hold until then."""
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            pass_fds=[lock],
        )

    def add(self, group: int, seconds: float) -> None:
        """Watch over a process group; seconds it may take to end by itself. Raises OSError when the guard is gone."""
        self._say(f"add {group} {seconds}")

    def remove(self, group: int) -> None:
        """The group has ended."""
        with suppress(OSError):
            self._say(f"remove {group}")

    def close(self) -> None:
        """Nothing is left to guard: let it tidy up and end."""
        if self._popen.stdin:
            with suppress(OSError):
                self._popen.stdin.close()
        self._popen.wait()

    def _say(self, line: str) -> None:
        if self._popen.stdin:
            self._popen.stdin.write(line.encode() + b"\n")
            self._popen.stdin.flush()


def main(folder: str, lines: Iterable[str]) -> None:
    """Listen until the supervisor is gone, then end what it left."""
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
