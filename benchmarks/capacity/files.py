"""What the folder of videos can take, through the service's own storage."""

import os
import tempfile
from dataclasses import dataclass
from time import perf_counter, process_time

from contracts.storage.local import LocalStorage
from contracts.storage.port import video_key

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Cost:
    """MB/s of one process to and from the disk's cache, with the write on disk at its end; cpu: seconds per GB."""

    write: float
    read: float
    write_cpu: float
    read_cpu: float


def measure(mebibytes: int) -> Cost:
    """A video of that size, written once and read once."""
    block, key = os.urandom(_BLOCK), video_key("bench")
    with tempfile.TemporaryDirectory(prefix="bench-capacity-") as folder:
        storage = LocalStorage(folder)
        began, cpu = perf_counter(), process_time()
        with storage.create(key) as sink:
            for _ in range(mebibytes):
                sink.write(block)
        written, write_cpu = perf_counter() - began, process_time() - cpu
        began, cpu = perf_counter(), process_time()
        with storage.open(key) as source:
            while source.read(_BLOCK):
                pass
        read, read_cpu = perf_counter() - began, process_time() - cpu
    megabytes = mebibytes * _BLOCK / 1e6
    return Cost(megabytes / written, megabytes / read, write_cpu / megabytes * 1e3, read_cpu / megabytes * 1e3)
