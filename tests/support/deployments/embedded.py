"""Embedded mode, started by its command."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil

from tests.support.deployments.service import ROOT, Service, family, free_port
from tests.support.processes import still_there
from tests.support.waiting import until

_READY_SECONDS = 150  # after the service itself has given up


class Embedded(Service):
    """An embedded service with its own DATA_DIR.

    enter: a command that becomes the one after it, in another network.
    """

    enter: Sequence[str] = ()

    def __init__(self, data_dir: Path, **settings: object) -> None:
        self.port = free_port()
        self.log = data_dir.with_name(data_dir.name + ".log")
        inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        self.env = {**inherited, "DATA_DIR": str(data_dir), "PORT": str(self.port)}
        self.env["REGISTRATIONS_PER_ADDRESS"] = "0"  # all users of the tests have one address
        self.env["PRECISION"] = "fp32"  # on every CPU the same answers, those of tests.support.reference
        self.env["PROBE_WAIT_SECONDS"] = "25"  # what is no video is refused at once, however busy the machine is
        self.env["TRACK_PICTURES"] = "off"
        self.env["TRACKS"] = "off"  # results have the same bytes whenever they are read; tests of tracks turn it on
        self.env.update({key: str(value) for key, value in settings.items()})

    def start(self) -> Self:
        with self.log.open("ab") as log:
            offset = log.tell()
            self.process = subprocess.Popen(
                [*self.enter, sys.executable, "-m", "cli.main", "up"],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_SECONDS
        while "ready at http" not in self.output()[offset:]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"the service did not come up:\n{self.output()[-4000:]}")
            time.sleep(0.05)
        return self

    def stop(self) -> int:
        parts = self.processes()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            until(lambda: self.process.poll() is not None, progress=lambda: [one.is_running() for one in parts])
        finally:
            alive = still_there(parts, 5)
            for process in alive:
                process.kill()
        assert not alive, f"left behind: {alive}"
        return self.process.wait()

    def processes(self, pattern: str = "") -> list[psutil.Process]:
        return [process for process in family(self.process.pid, pattern) if process.pid != self.process.pid]

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""
