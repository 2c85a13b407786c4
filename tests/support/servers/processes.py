"""Servers that are processes of their own, so that a test can kill and freeze them."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class ServerProcess:
    """A server that printed its port."""

    process: "subprocess.Popen[bytes]"
    port: int

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """It keeps its connections and does nothing any more."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def running(module: str, *arguments: str, inside: Sequence[str] = ()) -> Iterator[ServerProcess]:
    """Runs a module of tests.support.servers. inside: a command that becomes it."""
    command = [*inside, sys.executable, "-m", f"tests.support.servers.{module}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield ServerProcess(process, int(process.stdout.readline()))
        finally:
            process.kill()
