"""A small disk that a test may fill."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.requirements import missing

_BLOCK = 4096
_TRIES = 100


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own at the folder, as large as mount says with `size`."""
    folder.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], capture_output=True)
    if done.returncode:
        missing(f"no file system can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def enlarge(folder: Path, size: str) -> None:
    """Give a small disk another size."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True, capture_output=True)


@contextmanager
def squeezed(folder: Path) -> Iterator[None]:
    """A small disk has no free block for the length of the context, and no file more."""
    size = os.statvfs(folder).f_blocks * os.statvfs(folder).f_frsize
    for _ in range(_TRIES):
        about = os.statvfs(folder)
        try:
            enlarge(folder, str((about.f_blocks - about.f_bfree) * about.f_frsize))
            break
        except subprocess.CalledProcessError:  # something was written meanwhile
            continue
    else:
        raise AssertionError("the disk is never still")
    try:
        yield
    finally:
        enlarge(folder, str(size))


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """No block is free on the disk that the folder lies on."""
    path = folder / "filler"
    try:
        with path.open("wb", buffering=0) as sink:
            try:
                while True:
                    sink.write(b"x" * _BLOCK)
            except OSError:
                assert os.statvfs(folder).f_bfree == 0
        yield
    finally:
        path.unlink()
