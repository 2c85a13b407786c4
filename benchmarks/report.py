"""How a benchmark tells what it found: a table for the reader, and a record for those who compare.

Records go to benchmarks/results/<date>.json, a list to which every run appends.
"""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
_FLAGS = {"avx2": ("avx2",), "avx512": ("avx512f",), "amx": ("amx_tile",), "bf16": ("avx512_bf16", "amx_bf16")}


def full() -> bool:
    """Whether the long form is asked for, the one for claims; the short one takes minutes."""
    return os.environ.get("BENCH", "") == "full"


def spread(values: Sequence[float], digits: int = 3) -> dict[str, Any]:
    """Median, least, most, and how many: what stands in a record for a measured figure."""
    middle = statistics.median(values)
    return {
        "median": round(middle, digits),
        "least": round(min(values), digits),
        "most": round(max(values), digits),
        "n": len(values),
    }


def told(values: Sequence[float], digits: int = 1) -> str:
    """The same as text: the median, and from where to where the values go."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a head: the first column to the left, the others to the right."""
    lines = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        first, *others = (
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *others]))


def record(name: str, figures: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Append what was measured to the file of today; where that is."""
    now = datetime.now(UTC)
    entry = {
        "name": name,
        "date": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "commit": commit(),
        "full": full(),
        "figures": figures,
    }
    folder.mkdir(exist_ok=True)
    path = folder / f"{now.date()}.json"
    entries = json.loads(path.read_text()) if path.exists() else []
    part = path.with_suffix(".part")
    part.write_text(json.dumps([*entries, entry], indent=1) + "\n")
    part.replace(path)
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    print(f"recorded as {name} in {shown}")
    return path


def machine() -> dict[str, Any]:
    """The processor's model, the cores that this process may use, and what its instructions allow."""
    fields: dict[str, str] = {}
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().split("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            fields[name.strip()] = value.strip()
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    return {
        "cpu": fields.get("model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "flags": {name: any(word in flags for word in words) for name, words in _FLAGS.items()},
    }


def commit() -> str:
    """The commit that was measured, with a + when files differ from it; empty outside a repository."""
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":!benchmarks/results")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head + ("+" if changed else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
