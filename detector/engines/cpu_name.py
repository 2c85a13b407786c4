"""The processor that engines run on where there is no other device."""

from pathlib import Path


def cpu_name() -> str:
    """As it names itself; "CPU" where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "CPU"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")
