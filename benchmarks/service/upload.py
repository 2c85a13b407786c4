"""How fast uploads are stored, beside what the disk takes with the same SHA-256.

    make bench-upload [SIZE_MIB=1024] [ROUNDS=5]

Each round does all of them, in an order of its own, so that what disturbs the machine, and what one leaves for the
next to do, meets them alike: the disk alone (read, hash, write, fsync, rename in one process), a raw body, and a
form, over loopback to embedded mode. The disk goes twice, and the ratio of the two is how much a ratio is
worth here.
"""

import hashlib
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.deployments.embedded import Embedded
from tests.support.deployments.service import ROOT
from tests.support.videos.big_file import big, send

_MIB = 1024 * 1024


def disk(source: Path, folder: Path) -> None:
    """Store a file as the service does it, without the service."""
    digest, part = hashlib.sha256(), folder / ".part"
    with source.open("rb") as file, part.open("wb") as sink:
        while piece := file.read(_MIB):
            digest.update(piece)
            sink.write(piece)
        sink.flush()
        os.fsync(sink.fileno())
    part.rename(folder / "whole")
    (folder / "whole").unlink()


def measure(size: int, rounds: int, folder: Path) -> dict[str, list[float]]:
    """MB/s of each way in each round."""
    file = big(ROOT / "samples/things.mp4", folder / "big.mp4", size)
    service = Embedded(folder / "data", UPLOAD_MAX_BYTES=size).start()
    try:
        client = service.client()

        def upload(kind: str) -> float:
            began = time.perf_counter()
            video = send(service.port, client.tokens["access_token"], file, kind)
            took = time.perf_counter() - began
            assert video["size_bytes"] == size
            client.call("DELETE", f"/videos/{video['id']}", 204)
            return took

        def write() -> float:
            began = time.perf_counter()
            disk(file, folder / "data")
            return time.perf_counter() - began

        ways: dict[str, Callable[[], float]] = {
            "disk": write,
            "raw": lambda: upload("raw"),
            "form": lambda: upload("form"),
            "disk again": write,
        }
        for way in ways.values():
            way()
        speeds: dict[str, list[float]] = {name: [] for name in ways}
        order = random.Random(1)  # noqa: S311  (the same in every run)
        for _ in range(rounds):
            for name in order.sample(list(ways), len(ways)):
                speeds[name].append(size / 1e6 / ways[name]())
        return speeds
    finally:
        service.stop()


def main(size_mib: int, rounds: int) -> None:
    """Entry point."""
    with tempfile.TemporaryDirectory(prefix="bench-upload-") as folder:
        speeds = measure(size_mib * _MIB, rounds, Path(folder))
    print(f"{size_mib} MiB, {rounds} rounds, {os.cpu_count()} cores; the upload's time includes the probe")
    print(f"{'way':<12}{'MB/s':>8}  {'least to most':>16}  {'of the disk':>12}  {'least to most':>16}")
    for name, values in speeds.items():
        ratios = [one / other for one, other in zip(values, speeds["disk"], strict=True)]
        middle, ratio = statistics.median(values), statistics.median(ratios)
        spread = f"{min(values):.0f} to {max(values):.0f}"
        print(f"{name:<12}{middle:>8.0f}  {spread:>16}  {ratio:>12.2f}  {min(ratios):>7.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
