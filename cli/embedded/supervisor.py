"""A process supervisor: starts processes, restarts those that fail, and stops all of them.

One thread and no signal handlers: signals are blocked and read with sigtimedwait() in the main loop, so
that they cannot interrupt other code.
"""

import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from cli.embedded.guard import Guard
from cli.embedded.process import History, Process, Run

MOST_RESTARTS = 5
WITHIN_SECONDS = 60.0
_HURRY_SECONDS = 1.0
_POLL_SECONDS = 0.5
_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WATCHED = {*_STOP, signal.SIGCHLD}


class Stopped(Exception):
    """A signal requested the stop of the supervisor."""


class Failed(Exception):
    """The service cannot start or continue. The text is the reason."""


class Watched:
    """A supervised process. run is None while it waits for its restart, at `due`."""

    def __init__(self, spec: Process) -> None:
        self.spec = spec
        self.run: Run | None = None
        self.due = 0.0
        self.done = False
        self.history = History(MOST_RESTARTS, WITHIN_SECONDS)


class Supervisor:
    """Use it as a context manager: all processes are stopped at its end, also after an error."""

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self._say = say or _print
        self._guard: Guard | None = None
        self._watched: list[Watched] = []
        self._mask: set[signal.Signals | int] = set()

    def __enter__(self) -> Self:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if ignored, exit statuses would be lost
        self._mask = set(signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED))
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._stop()
        finally:
            if self._guard:
                self._guard.close()
            while signal.sigtimedwait(_WATCHED, 0):  # discard pending signals before unblocking them
                pass
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def guarded_by(self, guard: Guard) -> None:
        """Set the guard, which ends the processes if this one is killed. Call it before `start`."""
        self._guard = guard

    def start(self, spec: Process) -> Watched:
        """Start a process and supervise it."""
        watched = Watched(spec)
        self._watched.append(watched)
        self._launch(watched)
        return watched

    def wait_for(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Supervise until the condition holds. Raises Stopped, or Failed on timeout. what: the step, for the error."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise Failed(f"{what} took longer than {seconds:.0f} s")
            self._supervise_once(0.05)

    def run(self) -> None:
        """Supervise until a stop signal (raises Stopped) or a process that keeps failing (raises Failed)."""
        while True:
            self._supervise_once(_POLL_SECONDS)

    def _supervise_once(self, seconds: float) -> None:
        info = signal.sigtimedwait(_WATCHED, seconds)
        if info and info.si_signo in _STOP:
            raise Stopped(signal.Signals(info.si_signo).name)
        for watched in self._watched:
            self._check(watched)

    def _check(self, watched: Watched) -> None:
        if watched.done:
            return
        if watched.run is None:
            if time.monotonic() >= watched.due:
                self._launch(watched)
            return
        status = watched.run.ended()
        if status is None:
            return
        self._clear(watched)
        name = watched.spec.name
        if not watched.spec.restart:
            if status:
                raise Failed(f"{name} {_exit_text(status)}")
            watched.done = True
            return
        delay = watched.history.next_delay()
        if delay is None:
            raise Failed(f"{name} {_exit_text(status)}, after {MOST_RESTARTS} restarts within {WITHIN_SECONDS:.0f} s")
        self._say(f"{name} {_exit_text(status)}; starting it again in {delay:.1f} s")
        watched.due = time.monotonic() + delay

    def _launch(self, watched: Watched) -> None:
        if self._guard is None:
            raise Failed("the supervisor has no guard")
        try:
            watched.run = Run(watched.spec)
            self._guard.add(watched.run.pid, watched.spec.crash_seconds)
        except OSError as error:
            raise Failed(f"{watched.spec.name} cannot be started: {error}") from error

    def _clear(self, watched: Watched) -> None:
        """Kill remaining child processes before a restart."""
        if watched.run and self._guard:
            watched.run.kill_group()
            self._guard.remove(watched.run.pid)
        watched.run = None

    def _stop(self) -> None:
        hurry = False
        for stage in sorted({watched.spec.stage for watched in self._watched}):
            group = [watched for watched in self._watched if watched.spec.stage == stage]
            for watched in group:
                if watched.run:
                    watched.run.terminate()
            hurry = self._wait_until_ended(group, hurry)
            for watched in group:
                self._clear(watched)

    def _wait_until_ended(self, group: list[Watched], hurry: bool) -> bool:
        """Wait for the processes to end. A second stop signal shortens the wait; returns whether one came."""
        start = time.monotonic()
        while True:
            waited = time.monotonic() - start
            late = [w for w in group if w.run and waited < _grace(w, hurry) and w.run.ended() is None]
            if not late:
                return hurry
            info = signal.sigtimedwait(_WATCHED, 0.1)
            if info and info.si_signo in _STOP and not hurry:
                hurry = True
                self._say("stopping at once: " + ", ".join(w.spec.name for w in late))


def _print(text: str) -> None:
    with suppress(OSError):  # the terminal may be closed
        print(text, file=sys.stderr, flush=True)


def _grace(watched: Watched, hurry: bool) -> float:
    return min(watched.spec.stop_seconds, _HURRY_SECONDS) if hurry else watched.spec.stop_seconds


def _exit_text(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
