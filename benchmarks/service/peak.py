"""The peak of a process's memory, as the kernel counts it."""

from pathlib import Path


def peak_mb(pid: int | str = "self") -> float:
    """VmHWM of a process in MB (10^6 bytes): the most of it that was in memory at once since its start."""
    return _field(pid, "VmHWM")


def now_mb(pid: int | str = "self") -> float:
    """VmRSS in MB: what is in memory now."""
    return _field(pid, "VmRSS")


def _field(pid: int | str, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise AssertionError(f"/proc/{pid}/status has no {name}")
