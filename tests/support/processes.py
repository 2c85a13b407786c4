"""Processes that are looked at while they start and end."""

import psutil


def children(process: psutil.Process, command: str = "") -> list[psutil.Process]:
    """Its running children, those whose command line holds the text; none once it has ended, and no zombies."""
    try:
        found = process.children()
    except psutil.NoSuchProcess:
        return []
    return [child for child in found if _runs(child, command)]


def _runs(process: psutil.Process, command: str) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and command in " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # it has ended since it was listed; a zombie is one of these
        return False
