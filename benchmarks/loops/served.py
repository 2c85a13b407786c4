"""The life of a loop's process: see the package."""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from contracts.results.codec import Detections, encode_block, pack

# A video's path in, a frame's detections after the other out.
Loop = Callable[[str], Iterable[Detections]]


def serve(loop: Loop) -> None:
    """Answer each line of the standard input with a run over a video."""
    print("ready", flush=True)
    for line in sys.stdin:
        wanted = json.loads(line)
        began, spent = time.perf_counter(), _cpu()
        found = list(loop(wanted["video"]))
        answer = {"frames": len(found), "seconds": time.perf_counter() - began, "cpu": _cpu() - spent}
        # Rounded to what the service keeps.
        block = pack(0, range(len(found)), found)
        Path(wanted["found"]).write_bytes(encode_block(block))
        print(json.dumps(answer), flush=True)


def empty() -> Detections:
    """Nothing found."""
    return Detections(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 4)))


def _cpu() -> float:
    """CPU seconds of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
