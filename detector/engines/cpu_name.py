"""Name of the CPU."""

from pathlib import Path


def cpu_name() -> str:
    """The model name of the CPU, or "CPU"."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "CPU"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")
