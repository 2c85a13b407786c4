"""Processes that are looked at while they start and end."""

from collections.abc import Sequence

import psutil


def children(process: psutil.Process, command: str = "") -> list[psutil.Process]:
    """Its running children, those whose command line holds the text; none once it has ended, and no zombies."""
    try:
        found = process.children()
    except psutil.NoSuchProcess:
        return []
    return [child for child in found if runs(child, command)]


def still_there(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that have not ended after so many seconds."""
    while True:
        try:
            alive: list[psutil.Process] = psutil.wait_procs(processes, seconds)[1]
            return alive
        except FileNotFoundError:  # the kernel says so of a process that is being waited for by its parent just now
            continue


def runs(process: psutil.Process, command: str = "") -> bool:
    """Whether it has not ended, and its command line holds the text."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and command in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # it has ended since it was listed; a zombie is one of these
        return False
