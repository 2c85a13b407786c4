"""What reads foreign files is shut in: it computes, uses what it has open, and ends with its parent."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import psutil
import pytest

from contracts.results.codec import compress
from contracts.settings.table import Settings
from contracts.storage.range_reader import RangeReader
from contracts.wire.messages import encode
from contracts.wire.renditions import RenditionOptions
from processor.probe.ask import probe
from processor.renditions.ask import Sources, make
from tests.media.rendering.test_rendering import probed
from tests.support.deployments.service import ROOT
from tests.support.fakes import MemoryStorage
from tests.support.processes import children
from tests.support.videos import formats

SOURCES = Sources("videos/x/content", "videos/x/index")


def inside(code: str, before: str = "", memory: int = 2**30, file_bytes: int = 0) -> "subprocess.CompletedProcess[str]":
    """Run code in a sandbox, in a process of its own."""
    enter = f"enter(Bounds({memory}, 2, {file_bytes}), os.getppid())"
    lines = ["import os, sys, socket, signal, threading, ctypes", "from media.sandbox import Bounds, enter"]
    script = "\n".join([*lines, textwrap.dedent(before), enter, textwrap.dedent(code)])
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)


FORBIDDEN = {
    "a file to read": "os.open('/etc/hostname', os.O_RDONLY)",
    "a file to write": "os.open('/tmp/left', os.O_WRONLY | os.O_CREAT)",
    "the parent's settings": "os.open(f'/proc/{os.getppid()}/environ', os.O_RDONLY)",
    "a folder": "os.listdir('/')",
    "a file gone": f"os.unlink({str(ROOT / 'README.md')!r})",
    "a file renamed": f"os.rename({str(ROOT / 'README.md')!r}, '/tmp/left')",
    "the network": "socket.socket()",
    "a socket by name": "socket.socket(socket.AF_UNIX)",
    "a process": "os.fork()",
    "a program": "os.execv('/bin/true', ['true'])",
    "a signal": "os.kill(os.getppid(), signal.SIGTERM)",
    "another's limits": "__import__('resource').prlimit(os.getppid(), 7, (0, 0))",
    "a pipe": "os.pipe()",
    "a copy of a descriptor": "os.dup(1)",
    "memory as a file": "os.memfd_create('x')",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_but_what_is_open_can_be_reached(what: str) -> None:
    done = inside(
        f"try:\n    {FORBIDDEN[what]}\nexcept OSError as error:\n    print(type(error).__name__, error.errno)"
    )
    assert done.stdout == "PermissionError 1\n", done
    assert (ROOT / "README.md").exists()
    # The same without the sandbox is done, or fails for another reason.
    if what in ("a file to read", "the parent's settings", "the network", "a pipe", "a copy of a descriptor"):
        lines = f"import os, socket; {FORBIDDEN[what]}"
        assert subprocess.run([sys.executable, "-c", lines], check=False).returncode == 0


@pytest.mark.parametrize(("number", "what"), [(101, "ptrace"), (310, "process_vm_readv"), (425, "io_uring_setup")])
def test_calls_that_python_does_not_make_are_refused_too(number: int, what: str) -> None:
    if os.uname().machine != "x86_64":
        return  # the numbers are those of this machine; the list of what is allowed is one
    call = f"libc.syscall({number}, 0, 0, 0, 0, 0, 0); print(ctypes.get_errno())"
    assert inside(call, "libc = ctypes.CDLL(None, use_errno=True)").stdout == "1\n", what


def test_the_limits_without_the_filter_leave_no_file_and_no_socket_either() -> None:
    """Where the kernel has no seccomp, the limits stand alone."""
    code = """
        for attempt in (lambda: os.open("/etc/hostname", os.O_RDONLY), socket.socket):
            try:
                attempt()
            except OSError as error:
                print(error.errno)
    """
    before = "from media import sandbox; sandbox._MACHINES.clear()"
    assert inside(code, before).stdout == "24\n24\n"


def test_computing_goes_on_inside(tmp_path: Path) -> None:
    code = """
        done = []
        thread = threading.Thread(target=lambda: done.append(np.ones((500, 500)) @ np.ones((500, 500))))
        thread.start()
        thread.join()
        os.write(target.fileno(), b"x" * 10)
        try:
            os.write(target.fileno(), b"y")
        except OSError as error:
            print(done[0].sum(), error.errno)
    """
    before = f"""
        import numpy as np
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        target = open({str(tmp_path / "x")!r}, "wb")
    """
    assert inside(code, before, file_bytes=10).stdout == "125000000.0 27\n"
    assert (tmp_path / "x").read_bytes() == b"x" * 10


def test_memory_and_processor_time_have_an_end() -> None:
    assert "MemoryError" in inside("bytearray(2**30)", memory=2**30).stderr
    assert inside("while True: pass").returncode == -signal.SIGXCPU


def test_it_ends_with_its_parent() -> None:
    code = "import os, sys; from media.sandbox import Bounds, enter; enter(Bounds(2**30, 5), int(sys.argv[1]))"
    line = f"{code}; os.write(1, b'in'); os.read(0, 1)"
    start = f"subprocess.Popen([sys.executable, '-c', {line!r}, str(os.getpid())])"
    parent = f"import os, subprocess, sys, time; {start}; time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", parent], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(2) == b"in"
        process.kill()
        assert process.stdout.read() == b""  # nobody holds its other side any more
    # One whose parent has died before does not begin.
    assert subprocess.run([sys.executable, "-c", line, "1"], cwd=ROOT, capture_output=True).stdout == b""


class Slow(MemoryStorage):
    """A storage without files, whose objects cannot be read before `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go = threading.Event(), threading.Event()

    def open(self, key: str) -> BinaryIO:
        data = self.objects[key]

        def fetch(start: int, stop: int) -> bytes:
            self.asked.set()
            self.go.wait(60)
            return data[start:stop]

        return cast(BinaryIO, RangeReader(fetch, len(data)))


@contextmanager
def caught(storage: Slow, module: str, work: Callable[[], object]) -> Iterator[psutil.Process]:
    """The process of that module, which does the work, at the first byte that it reads."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert storage.asked.wait(60)
        (child,) = children(psutil.Process(), module)
        yield child
    finally:
        storage.go.set()
        thread.join()


def state(process: psutil.Process) -> dict[str, str]:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def shut_in(process: psutil.Process) -> bool:
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    files = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()[3:5]
    secrets = {name for name in process.environ() if "SECRET" in name or "PASSWORD" in name or name.endswith("_URL")}
    found = state(process)
    return (found["Seccomp"], found["NoNewPrivs"], files, secrets) == ("2", "1", ["0", "0"], set())


def test_the_probe_is_shut_in_before_it_reads_a_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone:word@somewhere/")
    storage, found = Slow(), []
    storage.objects[SOURCES.video] = formats.encode("mp4", "libx264").content
    with caught(
        storage, "processor.probe.child", lambda: found.append(probe(storage, Settings(), SOURCES.video))
    ) as process:
        assert shut_in(process)
    assert found[0].media is not None


def test_the_renderer_is_shut_in_before_it_reads_a_byte(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone:word@somewhere/")
    storage, content = Slow(), formats.encode("mp4", "libx264").content
    media, index = probed(content)
    storage.objects.update({SOURCES.video: content, SOURCES.index: compress(encode(index))})

    def render() -> None:
        with (tmp_path / "copy").open("wb") as target:
            make(storage, SOURCES, target, "playable", media, RenditionOptions(), lambda _: True)

    with caught(storage, "processor.renditions.child", render) as process:
        assert shut_in(process)
    assert (tmp_path / "copy").read_bytes()[4:8] == b"ftyp"


def test_a_machine_without_the_filter_is_told_of() -> None:
    code = "from media import sandbox; import logging; logging.basicConfig(); {} sandbox.warn_if_weak()"
    for change, warned in (("", False), ("sandbox._MACHINES.clear();", True)):
        done = subprocess.run([sys.executable, "-c", code.format(change)], cwd=ROOT, capture_output=True, text=True)
        assert ("resource limits only" in done.stderr) == warned
        assert done.returncode == 0
