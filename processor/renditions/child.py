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
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from typing import BinaryIO, cast

import av
import msgspec
from PIL import Image

from contracts.errors import CorruptData, DecodeFailed, StorageUnavailable, VideoRefused
from contracts.results.codec import decompress
from contracts.results.result_file import ResultFile
from contracts.storage.range_reader import watched
from contracts.wire.messages import PacketIndex, decode
from media.file_handover import STORAGE_FAILED, taken
from media.orientation import orientation_of
from media.sandbox import Bounds, enter
from processor.renditions.annotations import Annotations, covered
from processor.renditions.drawing import draw
from processor.renditions.encoder import Target, copy_to
from processor.renditions.frames import NumberedFrame, numbered_frames, opened
from processor.renditions.picture import ToPicture, fitted
from processor.renditions.protocol import Report, Request

POSTER_PIXELS = 640
COPY_PIXELS = 1280
_JPEG_QUALITY = 85
_MEMORY_BYTES = 4 * 1024**3
_ENCODER_THREADS = 4
_REPORT_SECONDS = 0.5
_NICE = 10  # jobs have priority


Tell = Callable[[Report], None]


def render(
    request: Request, target: Target, video: BinaryIO, index: PacketIndex, results: BinaryIO | None, tell: Tell
) -> Report:
    """Make the requested rendition. Raises VideoRefused, CorruptData, DecodeFailed."""
    if request.kind == "poster":
        return _poster(request, target, video, index)
    file = ResultFile(results) if results is not None else None
    numbers: Sequence[int] = covered(file, index) if file else range(request.media.frames)
    notes = Annotations(file, request.options) if file else None
    media, total, done = request.media, len(numbers), 0
    orientation = orientation_of(media)
    to_picture = ToPicture(orientation, fitted(media.width, media.height, COPY_PIXELS))
    threads = min(_ENCODER_THREADS, len(os.sched_getaffinity(0)))
    with (
        opened(video, index) as decoded,
        copy_to(
            target,
            Fraction(*index.time_base),
            media.fps,
            orientation.pixel_aspect(decoded.stream.sample_aspect_ratio),
            threads,
        ) as (copy, kind),
    ):
        for number, shown_at, frame in _selected(numbered_frames(decoded, index), numbers):
            picture = to_picture(frame)
            if notes is not None:
                draw(picture, (media.width, media.height), notes.at(number))
            copy.add(picture, shown_at)
            done += 1
            tell(Report(done, total))
    if not done:
        raise VideoRefused("no frame of the video can be decoded")
    return Report(done, total, content_type=kind.content_type)


def _poster(request: Request, target: Target, video: BinaryIO, index: PacketIndex) -> Report:
    media = request.media
    to_picture = ToPicture(orientation_of(media), fitted(media.width, media.height, POSTER_PIXELS))
    with opened(video, index) as decoded:
        for _, _, frame in numbered_frames(decoded, index):
            picture = Image.fromarray(to_picture.rgb(frame))
            picture.save(target.sink, "JPEG", quality=_JPEG_QUALITY, optimize=True)
            return Report(1, 1, content_type="image/jpeg")
    raise VideoRefused("no frame of the video can be decoded")


def _selected(frames: Iterator[NumberedFrame], numbers: Sequence[int]) -> Iterator[NumberedFrame]:
    """The frames with these numbers (ascending); ends after the last of them."""
    for frame in frames:
        position = bisect_left(numbers, frame[0])
        if position == len(numbers):
            return
        if numbers[position] == frame[0]:
            yield frame


@contextmanager
def _inputs(request: Request) -> Iterator[tuple[BinaryIO, PacketIndex, BinaryIO | None]]:
    """Video, packet index and results. Raises StorageUnavailable when one of them cannot be read."""
    with ExitStack() as stack:

        def reader(descriptor: int) -> BinaryIO:
            return stack.enter_context(watched(stack.enter_context(taken(descriptor))))

        index = decode(decompress(reader(request.index).read()), PacketIndex)
        yield reader(request.video), index, None if request.results is None else reader(request.results)


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
        with _sandboxed(request) as target, _inputs(request) as (video, index, results):
            report = render(request, target, video, index, results, tell)
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
