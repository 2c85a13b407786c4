"""Makes one rendition. Runs as a process of its own.

    python -m processor.renditions.child REQUEST

REQUEST is a Request as JSON, with file descriptors inherited from the parent. Writes a Report as a line of JSON about
every half second and at the end, or exits with STORAGE_FAILED after writing the reason. A hostile file can only end
this process: see media.sandbox.
"""

from contracts.runtime import startup

startup.begin(__name__)

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, cast

import av
import msgspec
from PIL import Image

from contracts.errors import CorruptData, DecodeFailed, StorageUnavailable, VideoRefused
from contracts.results.codec import decompress
from contracts.storage.range_reader import watched
from contracts.wire.messages import PacketIndex, decode
from media.file_handover import STORAGE_FAILED, taken
from media.sandbox import Bounds, enter
from processor.renditions import copies
from processor.renditions.clips import making, reels
from processor.renditions.encoder import Target
from processor.renditions.inputs import Inputs, Maker, ReelInput
from processor.renditions.protocol import Report, Request, Work

_MEMORY_BYTES = 4 * 1024**3
_REPORT_SECONDS = 0.5
_NICE = 10  # jobs have priority


def maker(kind: Work) -> Maker:
    """What makes a rendition. Imports what it needs, so it is called before the sandbox is entered."""
    if kind in ("pictures", "frames"):
        from processor.renditions import pictures

        return pictures.make
    if kind == "clip":
        return making.clip
    if kind == "reel":
        return reels.reel
    if kind == "blurred":
        from processor.renditions import blurring

        return blurring.make
    return copies.poster if kind == "poster" else copies.copy


@contextmanager
def _inputs(request: Request) -> Iterator[Inputs]:
    """Raises StorageUnavailable when one of them cannot be read."""
    with ExitStack() as stack:

        def reader(descriptor: int) -> BinaryIO:
            return stack.enter_context(watched(stack.enter_context(taken(descriptor))))

        def optional(descriptor: int | None) -> BinaryIO | None:
            return None if descriptor is None else reader(descriptor)

        index = decode(decompress(reader(request.index).read()), PacketIndex)
        videos = {one.id: ReelInput(one.media, reader(one.video), reader(one.index)) for one in request.videos}
        yield Inputs(reader(request.video), index, optional(request.results), optional(request.tracks), videos)


@contextmanager
def _sandboxed(request: Request) -> Iterator[Target]:
    """Enter the sandbox, with the output file already open."""
    os.nice(_NICE)
    Image.preinit()  # PIL imports its JPEG writer lazily; load it before the sandbox
    path = f"/proc/self/fd/{request.target}"
    with open(path, "wb", buffering=0) as sink, open(path, "rb", buffering=0) as again:
        enter(Bounds(_MEMORY_BYTES, request.cpu_seconds, request.file_bytes), request.parent)
        yield Target(cast(BinaryIO, sink), cast(BinaryIO, again))


def main(arguments: list[str]) -> int:
    """Entry point of the child process."""
    request = msgspec.json.decode(arguments[0], type=Request)
    reported = 0.0

    def tell(report: Report) -> None:
        nonlocal reported
        if report.content_type or report.failed or time.monotonic() - reported > _REPORT_SECONDS:
            reported = time.monotonic()
            sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
            sys.stdout.buffer.flush()

    try:
        make = maker(request.kind)
        with _sandboxed(request) as target, _inputs(request) as inputs:
            report = make(request, target, inputs, tell)
    except StorageUnavailable as error:
        sys.stdout.write(error.detail)
        return STORAGE_FAILED
    except (VideoRefused, CorruptData, DecodeFailed) as error:
        report = Report(0, 0, failed=error.detail)
    except MemoryError:
        report = Report(0, 0, failed="rendering it takes more memory than is allowed")
    except av.error.FFmpegError as error:
        report = Report(0, 0, failed=f"it cannot be written: {error.strerror or error.__class__.__name__}")
    tell(report)
    return 0


if __name__ == "__main__":
    startup.done()
    sys.exit(main(sys.argv[1:]))
