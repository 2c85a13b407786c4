"""What one host can take of each part, and from how many detectors on it is not enough.

    make bench-capacity [CHUNKS=300] [HOURS=20] [SIZE_MIB=512]

Servers are Debian's, on this machine. What counts is the CPU time of a server for a chunk, a row, a sign of life: it
depends little on what else the machine does. A server saturates where it needs a whole core of those that it can use:
Redis one, RabbitMQ about one per queue, PostgreSQL all.
"""

import os
import sys
from dataclasses import dataclass

from benchmarks.capacity import chunks, files, tables

# Of a detector.
SPEED = 25.0
CHUNK_FRAMES = 240
SIGN_SECONDS = 5
_SIZES = (1, 10, 100, 1000, 10_000)
_MODERATE = 0.7  # of a core


def main(count: int, hours: int, mebibytes: int) -> None:
    """Entry point."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    found = chunks.measure(count)
    print(f"\nchunks: message {found.message:,} bytes, result {found.result:,} bytes,", end=" ")
    print(f"{found.commands:.0f} commands of Redis")
    print(f"  one stub of a detector: {found.chunks_per_second:.1f} chunks/s")
    print(f"  RabbitMQ {found.broker * 1e3:.2f} ms of CPU per chunk, Redis {found.redis * 1e3:.2f} ms")
    print(f"  Redis {found.registration * 1e6:.0f} us of CPU per sign of life of a worker,", end=" ")
    print(f"{found.counting * 1e6:.2f} us per worker to read who is there")
    rows = tables.measure(hours)
    print(f"\nPostgreSQL: {rows.rows:,} tracks, {rows.cpu * 1e6:.0f} us of CPU and {rows.seconds * 1e6:.0f} us each;")
    print(f"  a change of a job {rows.change * 1e3:.2f} ms of CPU, {rows.changes_per_second:.0f}/s by one client")
    disk = files.measure(mebibytes)
    print(f"\nstorage: {disk.write:.0f} MB/s written, {disk.read:.0f} MB/s read (cached),", end=" ")
    print(f"{disk.write_cpu:.2f} and {disk.read_cpu:.2f} s of CPU per GB")
    arithmetic(found)


@dataclass(frozen=True)
class Need:
    """Of so many busy detectors: chunks and bytes of results per second, cores of RabbitMQ and of Redis."""

    chunks: float
    result_bytes: float
    broker: float
    redis: float


def need(found: chunks.Cost, detectors: float) -> Need:
    """What they take, by what one chunk and one sign of life cost."""
    rate = detectors * SPEED / CHUNK_FRAMES
    return Need(
        rate,
        rate * found.result,
        rate * found.broker,
        rate * found.redis + detectors / SIGN_SECONDS * found.registration,
    )


def arithmetic(found: chunks.Cost) -> None:
    """What n detectors take of RabbitMQ and Redis, and how many are too many for one core of each."""
    print(f"\n{'detectors':>10}{'chunks/s':>10}{'RabbitMQ, cores':>17}{'Redis, cores':>14}{'results, MB/s':>15}")
    for detectors in _SIZES:
        one = need(found, detectors)
        cells = f"{one.chunks:>10.1f}{one.broker:>17.3f}{one.redis:>14.3f}{one.result_bytes / 1e6:>15.2f}"
        print(f"{detectors:>10,}{cells}")
    one = need(found, 1)
    most = f"RabbitMQ {_MODERATE / one.broker:,.0f} detectors, Redis {_MODERATE / one.redis:,.0f}"
    print(f"{_MODERATE:.0%} of a core: {most}")


if __name__ == "__main__":
    main(int(sys.argv[1] or 300), int(sys.argv[2] or 20), int(sys.argv[3] or 512))
