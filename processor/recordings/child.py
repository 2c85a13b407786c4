"""Makes a video of one recording. Runs as a process of its own.

    python -m processor.recordings.child REQUEST

REQUEST is a Request as JSON, with file descriptors inherited from the parent. Writes a Report as JSON, or exits with
STORAGE_FAILED after writing the reason. What a camera sent can only end this process: see media.sandbox.
"""

from contracts.runtime import startup

startup.begin(__name__)

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

import av
import msgspec

from contracts.errors import DecodeFailed, StorageUnavailable, VideoRefused
from contracts.storage.range_reader import watched
from media.file_handover import STORAGE_FAILED, taken
from media.sandbox import Bounds, enter
from processor.recordings.protocol import Report, Request
from processor.recordings.remux import Sink, Target, remux

_MEMORY_BYTES = 2 * 1024**3


@contextmanager
def _sandboxed(request: Request) -> Iterator[Target]:
    """Enter the sandbox, with the output file already open."""
    path = f"/proc/self/fd/{request.target}"
    with open(path, "wb", buffering=0) as sink, open(path, "rb", buffering=0) as again:
        enter(Bounds(_MEMORY_BYTES, request.cpu_seconds, request.file_bytes), request.parent)
        yield Target(Sink(sink), cast(BinaryIO, again))


def _report(source: BinaryIO, target: Target) -> Report:
    try:
        return remux(source, target)
    except (VideoRefused, DecodeFailed) as error:
        return Report(failed=error.detail)
    except MemoryError:
        return Report(failed="making a video of it takes more memory than is allowed")
    except (av.error.FFmpegError, OSError) as error:
        return Report(full=target.sink.full, failed=f"no video can be made of it: {error.__class__.__name__}")


def main(arguments: list[str]) -> int:
    """Entry point of the child process."""
    request = msgspec.json.decode(arguments[0], type=Request)
    try:
        with _sandboxed(request) as target, taken(request.source) as source, watched(source) as reader:
            report = _report(reader, target)
    except StorageUnavailable as error:
        sys.stdout.write(error.detail)
        return STORAGE_FAILED
    sys.stdout.buffer.write(msgspec.json.encode(report))
    return 0


if __name__ == "__main__":
    startup.done()
    sys.exit(main(sys.argv[1:]))
