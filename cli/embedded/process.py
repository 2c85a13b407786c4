"""A process of the embedded service: its specification and a running instance. Linux only."""

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
    """The specification of a process.

    env: the complete environment. stage: lower stages are stopped first. stop_seconds: time to end
    after SIGTERM. crash_seconds: the same after the supervisor was killed; 0 kills at once. restart:
    restart it when it ends; otherwise it runs once and must end with status 0. log: file to append the
    output to, None for the supervisor's stderr. niceness: 0 to 19.
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
    """A started process, leader of its own session and process group.

    Ctrl-C in the terminal therefore reaches only the supervisor, and child processes can be ended with
    the group. When the supervisor dies, the kernel sends SIGTERM to the leader, and the guard ends the
    rest of the group.
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
        """Process id of the leader, which is also the id of the group."""
        return self._popen.pid

    def ended(self) -> int | None:
        """The exit status (negative: the signal), None while it runs."""
        return self._popen.poll()

    def terminate(self) -> None:
        """Send SIGTERM to the leader, which stops its own children."""
        if self.ended() is None:
            self._popen.send_signal(signal.SIGTERM)

    def kill_group(self) -> None:
        """Kill the remaining processes of the group and reap the leader."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()


class History:
    """Restart times of a process, for the backoff and to give up on a process that keeps failing."""

    def __init__(self, most: int, within_seconds: float) -> None:
        self._most = most
        self._within = within_seconds
        self._times: list[float] = []

    def next_delay(self) -> float | None:
        """Seconds to wait before the next restart, doubling each time; None to give up."""
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
