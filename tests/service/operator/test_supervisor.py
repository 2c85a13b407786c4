"""The supervisor ends everything it started, however it ends itself, and starts again what falls."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli.embedded.guard import Guard
from cli.embedded.process import Process
from cli.embedded.supervisor import Failed, Supervisor
from tests.support.waiting import until

TIMEOUT = 15.0


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Supervised:
    """A supervisor under test, and what its processes left in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._popen: subprocess.Popen[str] | None = None

    def start(self, *processes: dict[str, Any], **config: object) -> "Supervised":
        text = json.dumps({"processes": processes, **config})
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.support.deployments.supervised", str(self.folder), text],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        return self

    def pids(self, name: str = "") -> list[int]:
        """The ids of the processes of that name and of their children, all that ever were."""
        files = sorted(self.folder.glob(f"{name}*.pids"))
        return [int(pid) for file in files for pid in file.read_text().split()]

    def wait_for_pids(self, number: int, name: str = "") -> list[int]:
        until(lambda: len(self.pids(name)) >= number)
        return self.pids(name)

    def send(self, number: int) -> None:
        assert self._popen
        self._popen.send_signal(number)

    def wait(self) -> None:
        """For its own end alone; its output may still be held by others."""
        assert self._popen
        self._popen.wait(TIMEOUT)

    def end(self) -> tuple[int, str]:
        """Its exit status and output."""
        assert self._popen
        output, _ = self._popen.communicate(timeout=TIMEOUT)
        return self._popen.returncode, output

    def ended_in_order(self) -> list[str]:
        file = self.folder / "ended"
        return file.read_text().split() if file.exists() else []

    def tidy(self) -> None:
        if self._popen:
            self._popen.kill()
            self._popen.communicate()
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    it = Supervised(tmp_path)
    yield it
    it.tidy()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_stops_all_processes(supervised: Supervised, number: int) -> None:
    supervised.start({"name": "a", "program": "plain"}, {"name": "b", "program": "orderly"})
    pids = supervised.wait_for_pids(4)
    supervised.send(number)
    status, _ = supervised.end()
    assert status == 0
    assert not [pid for pid in pids if alive(pid)]
    assert not (supervised.folder / "temporary").exists()


def test_stages_are_stopped_in_order(supervised: Supervised) -> None:
    supervised.start(
        {"name": "server", "program": "orderly", "stage": 2},
        {"name": "api", "program": "slow", "stage": 0},
        {"name": "worker", "program": "slow", "stage": 1},
    )
    supervised.wait_for_pids(6)
    supervised.send(signal.SIGTERM)
    supervised.end()
    assert supervised.ended_in_order() == ["api", "worker", "server"]


def test_process_that_ignores_sigterm_is_killed_after_its_timeout(supervised: Supervised) -> None:
    supervised.start({"name": "a", "program": "deaf", "stop_seconds": 0.5})
    pids = supervised.wait_for_pids(2)
    supervised.send(signal.SIGTERM)
    assert supervised.end()[0] == 0
    assert not [pid for pid in pids if alive(pid)]


def test_second_signal_shortens_the_stop(supervised: Supervised) -> None:
    supervised.start({"name": "a", "program": "deaf", "stop_seconds": 1000})
    pids = supervised.wait_for_pids(2)
    supervised.send(signal.SIGTERM)
    time.sleep(0.2)
    supervised.send(signal.SIGTERM)
    status, output = supervised.end()
    assert (status, "stopping at once: a" in output) == (0, True)
    assert not [pid for pid in pids if alive(pid)]


def test_nothing_survives_a_killed_supervisor(supervised: Supervised) -> None:
    supervised.start(
        {"name": "deaf", "program": "deaf"},
        {"name": "plain", "program": "plain"},
        {"name": "server", "program": "slow", "crash_seconds": 1},
    )
    pids = supervised.wait_for_pids(6)
    supervised.send(signal.SIGKILL)
    until(lambda: not [pid for pid in pids if alive(pid)])
    until(lambda: not (supervised.folder / "temporary").exists())
    assert supervised.ended_in_order() == ["server"]  # it had the time to end well


def test_the_lock_holds_until_the_last_process_of_a_killed_supervisor_has_ended(supervised: Supervised) -> None:
    supervised.start({"name": "server", "program": "deaf", "crash_seconds": 1})
    pids = supervised.wait_for_pids(2)
    supervised.send(signal.SIGKILL)
    supervised.wait()
    with (supervised.folder / "home" / "lock").open() as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert [pid for pid in pids if alive(pid)]
        fcntl.flock(lock, fcntl.LOCK_EX)
        # A process that ends closes its files, and so lets go of the lock, a moment before its pid is gone.
        until(lambda: not [pid for pid in pids if alive(pid)], seconds=5)


def test_a_killed_process_is_started_again_and_its_children_are_gone(supervised: Supervised) -> None:
    supervised.start({"name": "a", "program": "deaf", "stop_seconds": 0.1}, {"name": "b", "program": "plain"})
    first = supervised.wait_for_pids(2, "a")
    others = supervised.wait_for_pids(2, "b")
    os.kill(first[0], signal.SIGKILL)
    supervised.wait_for_pids(4, "a")
    assert not [pid for pid in first if alive(pid)]
    assert all(alive(pid) for pid in others)
    supervised.send(signal.SIGTERM)
    _, output = supervised.end()
    assert "a was ended by SIGKILL; starting it again in 0.2 s" in output


def test_repeatedly_failing_process_stops_everything(supervised: Supervised) -> None:
    supervised.start({"name": "good", "program": "plain"}, {"name": "bad", "program": "broken"}, most=2)
    status, output = supervised.end()
    assert status == 1
    assert output.splitlines()[-1] == "bad ended with status 3, after 2 restarts within 60 s"
    assert not [pid for pid in supervised.pids() if alive(pid)]


def test_a_single_run_is_not_repeated(supervised: Supervised) -> None:
    supervised.start({"name": "once", "program": "done", "restart": False}, {"name": "a", "program": "plain"})
    supervised.wait_for_pids(2)
    time.sleep(0.5)
    supervised.send(signal.SIGTERM)
    assert supervised.end() == (0, "started\n")


def test_a_single_run_that_fails_stops_everything(supervised: Supervised) -> None:
    supervised.start({"name": "a", "program": "plain"}, {"name": "once", "program": "broken", "restart": False})
    assert supervised.end() == (1, "started\nonce ended with status 3\n")
    assert not [pid for pid in supervised.pids() if alive(pid)]


def test_missing_program_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    with (tmp_path / "lock").open("w") as lock, Supervisor() as running:
        running.guarded_by(Guard(folder, lock.fileno()))
        with pytest.raises(Failed, match=r"x cannot be started: .*no-such-program"):
            running.start(Process(name="x", command=["no-such-program"], env={}))
