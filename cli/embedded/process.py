"""One process of the embedded form: what it is, and a run of it. Linux only."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_STDERR = 2
_libc = ctypes.CDLL(None)  # loaded here: nothing may be imported between fork and exec


@dataclass(frozen=True, kw_only=True)
class Process:
    """What to start.

    env: the whole environment. stage: those of a lower stage are stopped first. stop_seconds:
    how long it may take to end after SIGTERM. crash_seconds: the same when the supervisor itself was
    killed; 0 kills at once. restart: start it again when it ends; without, it runs once and must
    end with 0. log: a file that its output is appended to, None for the supervisor's stderr. niceness: how far it
    steps back where others want the processor too (0 to 19).
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    stage: int = 0
    stop_seconds: float = 25
    crash_seconds: float = 0
    restart: bool = True
    log: Path | None = None
    niceness: int = 0


class Run:
    """A started process, leader of a session and of a process group of its own.

    So a Ctrl-C in the terminal reaches the supervisor alone, and what the process starts can be
    ended with it. When the supervisor dies the kernel sends SIGTERM to the leader; the rest of
    the group is ended by the guard.
    """

    def __init__(self, spec: Process) -> None:
        self.spec = spec
        parent = os.getpid()
        output = spec.log.open("ab") if spec.log else None
        try:
            self._popen = subprocess.Popen(
                list(spec.command),
                env=dict(spec.env),
                stdin=subprocess.DEVNULL,
                stdout=output or _STDERR,
                stderr=output or _STDERR,
                start_new_session=True,
                preexec_fn=lambda: _prepare(parent, spec.niceness),
            )
        finally:
            if output:
                output.close()

    @property
    def pid(self) -> int:
        """The leader's id, which is the group's as well."""
        return self._popen.pid

    def ended(self) -> int | None:
        """The exit status (negative: the signal), None while it runs."""
        return self._popen.poll()

    def terminate(self) -> None:
        """Ask the leader to end; it tells its own children."""
        if self.ended() is None:
            self._popen.send_signal(signal.SIGTERM)

    def kill_group(self) -> None:
        """End what is left of the group, the leader's children included, and collect the leader."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()


class History:
    """When a process was started again, to tell a mishap from a process that cannot live."""

    def __init__(self, most: int, within_seconds: float) -> None:
        self._most = most
        self._within = within_seconds
        self._times: list[float] = []

    def next_delay(self) -> float | None:
        """Seconds to wait before the next start, longer each time; None when it is given up."""
        now = time.monotonic()
        self._times = [moment for moment in self._times if now - moment < self._within]
        if len(self._times) >= self._most:
            return None
        self._times.append(now)
        return float(min(0.2 * 2 ** (len(self._times) - 1), 5.0))


def _prepare(parent: int, niceness: int) -> None:
    """In the child, before exec: no blocked signals, SIGTERM when the supervisor dies, and its niceness."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if niceness:
        os.nice(niceness)
        with suppress(OSError):  # a session may be scheduled as one, and then this alone counts
            Path("/proc/self/autogroup").write_text(str(niceness))
